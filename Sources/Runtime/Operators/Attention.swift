public import FerryEngine

/// For each query the mean of the values, weighted by how well their keys fit it (`Attention`, `AdditiveAttention` of
/// Keras; Luong et al. 2015, Bahdanau et al. 2015).
///
/// Inputs: queries [batch, steps, features], values [batch, positions, width], and optionally keys [batch, positions,
/// features], which else are the values. Outputs: [batch, steps, width], then the weights [batch, steps, positions]
/// where they are returned. Masked values do not count; where a query is masked, the output is 0.
public struct Attention: Operator, Hashable {
    public static let kind = "Attention"

    /// How a query and a key are compared.
    public enum Score: Sendable, Hashable {
        /// scale · q·k, where the scale is learned or 1.
        case dot
        /// weight · Σ tanh(scale · (q + k)), both of them numbers.
        case concatenation
        /// Σ scale∘tanh(q + k), with a scale for each feature.
        case additive
    }

    public var score: Score
    public var usesScale: Bool
    /// Whether a step sees no position behind its own.
    public var isCausal = false
    /// Whether the weights come out too.
    public var returnsWeights = false
    /// The share of weights dropped in training.
    public var dropout = 0.0

    /// Compares by `score`.
    public init(_ score: Score = .dot, usesScale: Bool = false) {
        self.score = score
        self.usesScale = usesScale
    }

    public var arity: ClosedRange<Int> { 2...3 }
    public func carriesMask(inputs: [Bool]) -> Bool { inputs[0] }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let (query, value) = (inputs[0].shape, inputs[1].shape)
        let key = inputs[optional: 2]?.shape ?? value
        guard [query, value, key].allSatisfy({ $0.count == 3 }), key[2].isCompatible(with: query[2]),
            key[1].isCompatible(with: value[1])
        else {
            throw FerryError(
                .shape, found: "queries \(query), values \(value), keys \(key)",
                expected: "three axes each, as many keys as values, as many features of queries as of keys")
        }
        let output = ValueType(.float32, [query[0], query[1], value[2]])
        return returnsWeights ? [output, ValueType(.float32, [query[0], query[1], value[1]])] : [output]
    }

    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        guard score == .additive else {
            return (usesScale ? [ParameterSpec("scale", [], policy: .init(.ones))] : [])
                + (score == .concatenation ? [ParameterSpec("concat_score_weight", [], policy: .init(.ones))] : [])
        }
        guard usesScale else { return [] }
        guard let features = inputs[0].shape.last?.length else {
            throw FerryError(.shape, found: "queries \(inputs[0].shape)", expected: "a fixed number of features")
        }
        return [ParameterSpec("scale", [features], policy: .init(.glorotUniform))]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let query = inputs[0].tensor.cast(to: .float32)
        let value = inputs[1].tensor.cast(to: .float32)
        let key = inputs[optional: 2]?.tensor.cast(to: .float32) ?? value
        let visible = AttentionMask(
            values: inputs[1].mask, isCausal: isCausal, steps: query.shape[1], positions: key.shape[1])
        let scores = try visible.applied(to: scores(query, key, parameters)) { $0 - 1e9 }
        let weights = try ActivationFunction.softmax(scores)
        var output = try einsum("bts,bsw->btw", weights, value)
        if let mask = inputs[0].mask {
            output = output * mask.cast(to: .float32).reshaped([mask.shape[0], mask.shape[1], 1])
        }
        return [Signal(output, mask: inputs[0].mask)] + (returnsWeights ? [Signal(weights)] : [])
    }

    /// How well each key fits each query, [batch, steps, positions].
    func scores(_ query: Tensor, _ key: Tensor, _ parameters: ParameterSet) throws -> Tensor {
        let scale = usesScale ? try parameters.required("scale") : Tensor(scalar: Float(1))
        guard score != .dot else { return try einsum("btf,bsf->bts", query, key) * scale }
        let (batch, features) = (query.shape[0], query.shape[2])
        _ = try checkedShape([batch, query.shape[1], key.shape[1], features])
        let sum =
            query.reshaped([batch, query.shape[1], 1, features]) + key.reshaped([batch, 1, key.shape[1], features])
        if score == .additive {
            return try einsum("btsf,f->bts", ActivationFunction.tanh(sum), scale.broadcast(to: [features]))
        }
        let ones = Tensor([Float](repeating: 1, count: features))
        return try einsum("btsf,f->bts", ActivationFunction.tanh(sum * scale), ones)
            * parameters.required("concat_score_weight")
    }
}

/// Which positions a step of an attention may see.
struct AttentionMask {
    /// The mask of the values, bool [batch, positions].
    let values: Tensor?
    /// Whether positions behind the step are hidden.
    let isCausal: Bool
    let steps: Int
    let positions: Int

    /// [batch, …, steps, positions] with `hide` applied to what may not be seen.
    func applied(to scores: Tensor, hide: (Float) -> Float) throws -> Tensor {
        guard values != nil || isCausal, scores.count > 0 else { return scores }
        let counts = values?.elements(Bool.self)
        let perSample = scores.count / scores.shape[0]
        var result = scores
        result.withUnsafeMutableElements { (data: UnsafeMutableBufferPointer<Float>) in
            for i in data.indices {
                let (step, position) = (i / positions % steps, i % positions)
                let isHidden = isCausal && position > step || counts?[i / perSample * positions + position] == false
                if isHidden { data[i] = hide(data[i]) }
            }
        }
        return result
    }
}
