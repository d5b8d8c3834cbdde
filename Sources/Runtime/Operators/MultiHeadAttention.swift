public import FerryEngine

/// Several ``Attention``s side by side on projections of the inputs, joined by another one (Vaswani et al. 2017).
///
///     qₙ = x·Qₙ, kₙ = y·Kₙ, vₙ = z·Vₙ;  out = Σₙ softmax(qₙ·kₙᵀ / √size)·vₙ·Oₙ
///
/// Inputs: queries [batch, steps, features], values [batch, positions, …], and optionally keys [batch, positions, …],
/// which else are the values. Outputs: [batch, steps, width], then the weights [batch, heads, steps, positions] where
/// they are returned.
public struct MultiHeadAttention: Operator, Hashable {
    public static let kind = "MultiHeadAttention"

    /// How many attentions.
    public var heads: Int
    /// The length of projected queries and keys.
    public var keySize: Int
    /// The length of projected values.
    public var valueSize: Int
    /// The length of the output's last axis; nil means that of the queries.
    public var outputSize: Int?
    public var useBias = true
    /// Whether a step sees no position behind its own.
    public var isCausal = false
    /// Whether the weights come out too.
    public var returnsWeights = false
    /// The share of weights dropped in training.
    public var dropout = 0.0
    public var kernel = ParameterPolicy(.glorotUniform)
    public var bias = ParameterPolicy(.zeros)

    /// Keras's defaults.
    public init(heads: Int, keySize: Int, valueSize: Int? = nil) {
        self.heads = heads
        self.keySize = keySize
        self.valueSize = valueSize ?? keySize
    }

    public var arity: ClosedRange<Int> { 2...3 }
    public func carriesMask(inputs: [Bool]) -> Bool { inputs[0] }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let (query, value) = (inputs[0].shape, inputs[1].shape)
        let key = inputs[optional: 2]?.shape ?? value
        guard [query, value, key].allSatisfy({ $0.count == 3 }), key[1].isCompatible(with: value[1]) else {
            throw FerryError(
                .shape, found: "queries \(query), values \(value), keys \(key)",
                expected: "[batch, steps, features] each, as many keys as values")
        }
        let output = ValueType(.float32, [query[0], query[1], outputSize.map(Dimension.fixed) ?? query[2]])
        return returnsWeights
            ? [output, ValueType(.float32, [query[0], .fixed(heads), query[1], value[1]])] : [output]
    }

    /// Kernels [features, heads, size] and biases [heads, size] of queries, keys and values; those of the output are
    /// [heads, size, width] and [width].
    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        let lengths = try [inputs[0], inputs[optional: 2] ?? inputs[1], inputs[1]].map { type in
            guard let length = type.shape.last?.length else {
                throw FerryError(.shape, found: "input \(type.shape)", expected: "a fixed number of features")
            }
            return length
        }
        func projection(_ name: String, _ input: [Int], _ output: [Int]) -> [ParameterSpec] {
            let kernel = ParameterSpec("\(name)/kernel", input + output, policy: kernel)
            return useBias ? [kernel, ParameterSpec("\(name)/bias", output, policy: bias)] : [kernel]
        }
        return projection("query", [lengths[0]], [heads, keySize]) + projection("key", [lengths[1]], [heads, keySize])
            + projection("value", [lengths[2]], [heads, valueSize])
            + projection("attention_output", [heads, valueSize], [outputSize ?? lengths[0]])
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let (query, value) = (inputs[0].tensor, inputs[1].tensor)
        let key = inputs[optional: 2]?.tensor ?? value
        let projected = try HeadProjections(self, query, key, value, parameters)
        let weights = try weights(projected.query, projected.key, inputs)
        let heads = try einsum("bnts,bsnh->btnh", weights, projected.value)
        var output = try einsum("btnh,nhw->btw", heads, parameters.required("attention_output/kernel"))
        if useBias { output = output + (try parameters.required("attention_output/bias")) }
        return [Signal(output, mask: inputs[0].mask)] + (returnsWeights ? [Signal(weights)] : [])
    }

    /// softmax(q·kᵀ / √size) of what may be seen, [batch, heads, steps, positions].
    func weights(_ query: Tensor, _ key: Tensor, _ inputs: Slots<Signal>) throws -> Tensor {
        let raw = try einsum("btnh,bsnh->bnts", query, key) * Tensor(scalar: 1 / Float(keySize).squareRoot())
        return try ActivationFunction.softmax(hidden(raw, inputs))
    }

    /// The scores without what masks hide: masked values and keys, and all positions for masked queries.
    private func hidden(_ scores: Tensor, _ inputs: Slots<Signal>) throws -> Tensor {
        let (steps, positions) = (scores.shape[2], scores.shape[3])
        // So far below all scores that a row with nothing to see is spread evenly.
        let lowest = -0.7 * Float.greatestFiniteMagnitude
        var result = scores
        for (values, isCausal) in [(inputs[1].mask, isCausal), (inputs[optional: 2]?.mask, false)] {
            let mask = AttentionMask(values: values, isCausal: isCausal, steps: steps, positions: positions)
            result = try mask.applied(to: result) { _ in lowest }
        }
        guard let queries = inputs[0].mask else { return result }
        let counts = queries.elements(Bool.self)
        result.withUnsafeMutableElements { (data: UnsafeMutableBufferPointer<Float>) in
            for i in data.indices {
                let row = i / positions
                if !counts[row / (steps * heads) * steps + row % steps] { data[i] = lowest }
            }
        }
        return result
    }
}

/// Queries, keys and values of every head, [batch, …, heads, size].
struct HeadProjections {
    let query: Tensor
    let key: Tensor
    let value: Tensor

    init(
        _ attention: MultiHeadAttention, _ query: Tensor, _ key: Tensor, _ value: Tensor, _ parameters: ParameterSet
    ) throws {
        func projected(_ name: String, _ x: Tensor) throws -> Tensor {
            let y = try einsum("btf,fnh->btnh", x.cast(to: .float32), parameters.required("\(name)/kernel"))
            return attention.useBias ? y + (try parameters.required("\(name)/bias")) : y
        }
        self.query = try projected("query", query)
        self.key = try projected("key", key)
        self.value = try projected("value", value)
    }
}
