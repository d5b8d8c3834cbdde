package import FerryEngine
public import FerryRuntime

/// Continues a text token by token with a model that predicts the next token at every step: one stateful step each.
public struct TextGenerator: ~Copyable {
    /// How a token is drawn from the predicted probabilities.
    public struct Sampling: Sendable {
        /// Below 1 the likely tokens become likelier; 0 always takes the likeliest.
        public var temperature: Double
        /// How many of the likeliest tokens may be drawn; nil for all.
        public var topCount: Int?

        /// Draws from the probabilities as they are.
        public init(temperature: Double = 1, topCount: Int? = nil) {
            self.temperature = temperature
            self.topCount = topCount
        }
    }

    private var stream: Stream
    private let tokenizer: Tokenizer
    private let isFloatInput: Bool
    private var random: RandomSource

    /// A generator whose draws depend on `seed` alone.
    ///
    /// - Throws: ``FerryError`` where the model cannot run step by step.
    public init(_ session: InferenceSession, _ tokenizer: Tokenizer, seed: UInt64 = 0) throws {
        stream = try session.stream()
        self.tokenizer = tokenizer
        isFloatInput = session.model.inputs.first?.type.dtype.isFloat ?? false
        random = RandomSource(seed: seed)
    }

    /// The text that follows `seedText`.
    ///
    /// - Parameters:
    ///   - seedText: what the model reads first; at least one token that it knows.
    ///   - count: how many tokens to add.
    ///   - sampling: how they are drawn.
    /// - Returns: the added text alone.
    /// - Throws: ``FerryError/Code/range`` where no token of the seed is known.
    public mutating func generate(after seedText: String, count: Int, _ sampling: Sampling = .init()) throws -> String {
        let seed = tokenizer.encode(seedText)
        guard !seed.isEmpty else {
            throw FerryError(
                .range, found: "no known token in the seed text '\(seedText)'",
                expected: "at least one that the training text holds")
        }
        var probabilities = Tensor(zeros: [0])
        for id in seed { probabilities = try step(id) }
        var generated: [Int] = []
        while generated.count < count {
            let id = draw(probabilities.floats, sampling)
            generated.append(id)
            if generated.count < count { probabilities = try step(id) }
        }
        return tokenizer.decode(generated)
    }

    private mutating func step(_ id: Int) throws -> Tensor {
        try stream.step(isFloatInput ? Tensor([Float(id)]) : Tensor([Int32(id)]))
    }

    /// The number of a token, drawn by its probability; padding is never drawn.
    private mutating func draw(_ probabilities: [Float], _ sampling: Sampling) -> Int {
        let candidates = probabilities.indices.dropFirst().sorted { probabilities[$0] > probabilities[$1] }
        guard sampling.temperature > 0, let first = candidates.first else { return candidates.first ?? 0 }
        let kept = candidates.prefix(max(sampling.topCount ?? candidates.count, 1))
        let largest = logarithm(Double(max(probabilities[first], 1e-30)))
        let weights = kept.map { id in
            exponential((logarithm(Double(max(probabilities[id], 1e-30))) - largest) / sampling.temperature)
        }
        var rest = Double.random(in: 0..<weights.reduce(0, +), using: &random)
        for (id, weight) in zip(kept, weights) {
            rest -= weight
            if rest < 0 { return id }
        }
        return kept.last ?? first
    }
}
