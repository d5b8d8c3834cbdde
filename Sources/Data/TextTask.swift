package import FerryEngine
public import FerryRuntime
import OrderedCollections

/// A text to be continued: at every step of a sequence the next token is predicted.
public struct TextTask: Sendable {
    /// What turns text into token ids.
    public let tokenizer: Tokenizer
    /// How many tokens a training sequence has.
    public let length: Int
    private let ids: [Int]

    /// Learns the tokens of a text.
    ///
    /// - Throws: ``FerryError/Code/range`` where the text is shorter than two sequences.
    public init(_ text: String, unit: Tokenizer.Unit, length: Int) throws {
        var tokenizer = Tokenizer(unit, lowercases: unit == .word)
        tokenizer.fit([text])
        ids = tokenizer.encode(text)
        self.tokenizer = tokenizer
        self.length = length
        guard length > 0, ids.count > length else {
            throw FerryError(
                .range, found: "a text of \(ids.count) tokens", expected: "more than one sequence of \(length)",
                remedy: "give a longer text, or shorter sequences")
        }
    }

    /// Sequences of token ids, and the same moved on by one token.
    public var data: TrainingData {
        let step = max(1, length / 2)
        let starts = Array(stride(from: 0, to: ids.count - length, by: step))
        func rows(_ offset: Int) -> Tensor {
            let tokens = starts.flatMap { start in ids[(start + offset)..<(start + offset + length)].map { Int32($0) } }
            return Tensor(tokens, shape: [starts.count, length])
        }
        return TrainingData(rows(0), rows(1))
    }

    /// A model for the task: an Embedding, the layers, and a probability for each token at every step.
    ///
    /// - Throws: ``FerryError`` located at the layer that does not fit the one before.
    public func model(_ layers: LayerList, embedding: Int, seed: UInt64) throws -> Model {
        var model = try Model(name: "text", seed: seed) {
            Input(nil, dtype: .int32)
            Embedding(tokenizer.vocabulary, embedding)
            for layer in layers.layers { layer }
            Dense(tokenizer.vocabulary, activation: .softmax)
        }
        model.metadata.attributes[Self.attribute] = tokenizer.json
        return model
    }

    /// Where a model's metadata keep the tokenizer that it was trained with.
    public static let attribute = "tokenizer"

    /// The tokenizer that a model was trained with.
    ///
    /// - Throws: ``FerryError/Code/json`` where there is none.
    public static func tokenizer(of model: Model) throws -> Tokenizer {
        guard let json = model.metadata.attributes[attribute] else {
            throw FerryError(
                .json, at: ["model '\(model.name)'"], found: "keeps no tokenizer", expected: "one",
                remedy: "train with 'ferry train TEXT --text char', or give the tokenizer's JSON with --tokenizer")
        }
        return try locating("\(model.name) › metadata 'tokenizer'") { try Tokenizer(json: json) }
    }
}
