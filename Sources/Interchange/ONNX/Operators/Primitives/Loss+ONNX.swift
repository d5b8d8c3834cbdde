import FerryEngine
package import FerryRuntime

/// NegativeLogLikelihoodLoss; SoftmaxCrossEntropyLoss is the same of a logarithmic softmax.
extension NegativeLogLikelihood: ONNXReadable {
    package static let readableOperators = ["NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let reductions = Dictionary(uniqueKeysWithValues: Reduction.allCases.map { ($0.rawValue, $0) })
        let loss = NegativeLogLikelihood(
            try node.attributes.choice("reduction", reductions, default: .mean),
            ignored: try node.attributes.int("ignore_index"))
        var operands = try node.inputs()
        guard node.node.opType == "SoftmaxCrossEntropyLoss" else { return try node.append(loss, operands) }
        let reader = node
        let logarithms = try node.inFloat32(node.input(0)) { try reader.add(Activation(.logSoftmax(axis: 1)), $0) }
        operands[0] = logarithms
        return [try node.append(loss, operands, suffix: kind)[0], logarithms]
    }
}
