public import FerryEngine

/// The mean of the time steps, weighted by how much each one counts: Σₜ aₜ xₜ, where aₜ = eᵘ / (Σ eᵘ + 1e-7) with
/// u = x·w − max x·w (the layer that DeepMoji published for Keras, Felbo et al. 2017, equation 3; textgenrnn has it too).
///
/// Input [batch, time, features]. Outputs [batch, features], then the weights [batch, time] where they are returned.
/// Masked steps have weight 0; no mask is handed on.
public struct AttentionWeightedAverage: Operator, Hashable {
    public static let kind = "AttentionWeightedAverage"
    /// What is added to the sum of the weights, so that a sequence without steps gives zeros (`keras.backend.epsilon`).
    package static let epsilon: Float = 1e-7

    /// Whether the weights come out too.
    public var returnsWeights = false
    public var kernel = ParameterPolicy(.uniform(minimum: -0.05, maximum: 0.05))

    /// One output, or two.
    public init(returnsWeights: Bool = false) { self.returnsWeights = returnsWeights }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let shape = inputs[0].shape
        guard shape.count == 3 else {
            throw FerryError(.shape, found: "input \(shape)", expected: "[batch, time, features]")
        }
        return [ValueType(.float32, [shape[0], shape[2]])]
            + (returnsWeights ? [ValueType(.float32, [shape[0], shape[1]])] : [])
    }

    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        guard let features = inputs[0].shape.last?.length else {
            throw FerryError(.shape, found: "input \(inputs[0].shape)", expected: "a fixed number of features")
        }
        return [ParameterSpec("W", [features, 1], policy: kernel)]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor.cast(to: .float32)
        let (batch, time) = (x.shape[0], x.shape[1])
        let scores = try einsum("btf,fo->bto", x, parameters.required("W")).reshaped([batch, time])
        var powers = scores.mapLines(axis: 1) { line in
            let largest = line.max() ?? 0
            for i in line.indices { line[i] -= largest }
        }.map { (score: Float) in ActivationFunction.exponential.scalar(score) }
        if let mask = inputs[0].mask { powers = powers * mask.cast(to: .float32) }
        let weights = powers.mapLines(axis: 1) { line in
            let sum = line.reduce(Self.epsilon, +)
            for i in line.indices { line[i] /= sum }
        }
        let mean = try einsum("bt,btf->bf", weights, x)
        return [Signal(mean)] + (returnsWeights ? [Signal(weights)] : [])
    }
}
