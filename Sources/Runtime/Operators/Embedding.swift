public import FerryEngine

/// Looks up a row of a table for each token id: [batch, …] to [batch, …, size].
public struct Embedding: Operator, Hashable {
    public static let kind = "Embedding"

    /// The number of rows, one more than the largest id.
    public var vocabulary: Int
    /// The length of a row.
    public var size: Int
    /// Whether id 0 is padding, which the layers behind skip.
    public var maskZero: Bool
    public var embeddings = ParameterPolicy(.uniform(minimum: -0.05, maximum: 0.05))

    /// A table of `vocabulary` rows.
    public init(_ vocabulary: Int, _ size: Int, maskZero: Bool = false) {
        self.vocabulary = vocabulary
        self.size = size
        self.maskZero = maskZero
    }

    public func carriesMask(inputs: [Bool]) -> Bool { maskZero }
    public var timeLocality: TimeLocality { .perStep }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        [ValueType(.float32, inputs[0].shape + [.fixed(size)])]
    }

    public func multiplications(_ inputs: Slots<ValueType>, _ outputs: [ValueType], parameterCount: Int) -> Int { 0 }

    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        [ParameterSpec("embeddings", [vocabulary, size], policy: embeddings)]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor
        let ids = x.ints
        if let outside = ids.first(where: { !(0..<vocabulary).contains($0) }) {
            throw FerryError(
                .range, found: "token id \(outside)", expected: "0 to \(vocabulary - 1)",
                remedy: "encode the text with the vocabulary that the model was trained with")
        }
        let rows = try parameters.required("embeddings").rows(ids)
        let mask = maskZero ? Tensor(ids.map { $0 != 0 }, shape: x.shape) : nil
        return [Signal(rows.reshaped(x.shape + [size]), mask: mask)]
    }
}
