import FerryEngine
package import FerryRuntime

/// DFT, whose axis was an attribute before version 20.
extension Fourier: ONNXReadable {
    package static let readableOperators = ["DFT"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        var operands: [ONNXOperand?] = [try node.input(0)]
        let length = try node.integers(1, &operands)
        let axis: Integers
        if node.opset < 20 {
            axis = .known([try node.attributes.int("axis") ?? 1])
        } else {
            axis = try node.integers(2, &operands) ?? .known([-2])
        }
        return try node.append(
            Fourier(
                axis: axis, length: length, isInverse: node.attributes.flag("inverse", default: false),
                isOneSided: node.attributes.flag("onesided", default: false)), operands)
    }
}

extension ShortTimeFourier: ONNXReadable {
    package static let readableOperators = ["STFT"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let isOneSided = try node.attributes.flag("onesided", default: true)
        return try node.append(
            ShortTimeFourier(
                isOneSided: isOneSided, step: node.input(1).tensor?.ints.first,
                length: node.optional(3)?.tensor?.ints.first), node.inputs())
    }
}

extension SignalWindow: ONNXUnary {
    package static let readableOperators = ["HannWindow", "HammingWindow", "BlackmanWindow"]

    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        let coefficients: [Double]
        switch node.node.opType {
        case "HannWindow": coefficients = [0.5, 0.5, 0]
        case "HammingWindow": coefficients = [25.0 / 46, 21.0 / 46, 0]
        default: coefficients = [0.42, 0.5, 0.08]
        }
        return SignalWindow(
            coefficients, isPeriodic: try node.attributes.flag("periodic", default: true),
            dtype: try node.dataType("output_datatype") ?? .float32)
    }
}

extension MelWeights: ONNXUnary {
    package static let readableOperators = ["MelWeightMatrix"]

    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        MelWeights(dtype: try node.dataType("output_datatype") ?? .float32)
    }
}
