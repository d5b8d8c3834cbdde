public import FerryEngine

/// a∘σ(b), where a and b are the two halves of the last axis of the input, or of what a layer makes of it (Dauphin et
/// al. 2017; the activation `glu` of Keras).
public struct GatedLinearUnit: Operator {
    public static let kind = "GatedLinearUnit"
    /// The layer before; nil where the input is halved itself.
    public var layer: (any Operator)?

    /// A gate behind `layer`.
    public init(_ layer: (any Operator)? = nil) { self.layer = layer }

    public func carriesMask(inputs: [Bool]) -> Bool { layer?.carriesMask(inputs: inputs) ?? inputs[0] }
    public var timeLocality: TimeLocality { layer?.timeLocality ?? .perStep }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let type = try layer?.outputTypes(for: inputs)[0] ?? inputs[0]
        guard let length = type.shape.last?.length, length % 2 == 0 else {
            throw FerryError(.shape, found: "\(type.shape) to be halved", expected: "an even number of features")
        }
        return [ValueType(.float32, type.shape.dropLast() + [.fixed(length / 2)])]
    }

    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        try layer?.parameterSpecs(for: inputs) ?? []
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let signal = try layer?.evaluate(inputs, parameters, &state)[0] ?? inputs[0]
        let x = signal.tensor.cast(to: .float32)
        let half = x.shape[x.rank - 1] / 2
        let halves = x.split(axis: x.rank - 1, lengths: [half, half])
        return [Signal(halves[0] * (try ActivationFunction.sigmoid(halves[1])), mask: signal.mask)]
    }
}
