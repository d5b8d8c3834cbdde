public import FerryEngine

/// The largest of several affine functions: y = maxₖ(x·Wₖ + bₖ), on vectors [batch, features] (Goodfellow et al. 2013,
/// section 3; `MaxoutDense` of Keras 1).
public struct MaxoutDense: Operator, Hashable {
    public static let kind = "MaxoutDense"

    /// The length of the last axis of the output.
    public var units: Int
    /// How many functions the largest is taken of.
    public var pieces: Int
    public var useBias = true
    public var kernel = ParameterPolicy(.glorotUniform)
    public var bias = ParameterPolicy(.zeros)

    /// Keras's defaults.
    public init(_ units: Int, pieces: Int = 4) {
        self.units = units
        self.pieces = pieces
    }

    public var timeLocality: TimeLocality { .perStep }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard inputs[0].rank == 2 else {
            throw FerryError(.shape, found: "input \(inputs[0].shape)", expected: "[batch, features]")
        }
        return [ValueType(.float32, [inputs[0].shape[0], .fixed(units)])]
    }

    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        guard let features = inputs[0].shape.last?.length else {
            throw FerryError(.shape, found: "input \(inputs[0].shape)", expected: "a fixed number of features")
        }
        let kernel = ParameterSpec("W", [pieces, features, units], policy: kernel)
        return useBias ? [kernel, ParameterSpec("b", [pieces, units], policy: bias)] : [kernel]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor.cast(to: .float32)
        var y = try einsum("bf,kfu->bku", x, parameters.required("W"))
        if useBias { y = y + (try parameters.required("b")) }
        let batch = x.shape[0]
        let parts = (0..<pieces).map { y.sliced(axis: 1, from: $0, count: 1).reshaped([batch, units]) }
        return [Signal(try parts.dropFirst().reduce(parts[0]) { try $0.combining($1) { max($0 as Float, $1) } })]
    }
}
