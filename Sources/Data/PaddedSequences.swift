public import FerryEngine

extension Tensor {
    /// On which side of a sequence something happens.
    public enum SequenceSide: String, Sendable { case before = "pre", behind = "post" }

    /// Sequences made equally long, int32 [sequences, length] (Keras `pad_sequences`, with its defaults).
    ///
    /// - Parameters:
    ///   - sequences: lists of token ids.
    ///   - length: how long; nil for the longest.
    ///   - padding: on which side `value` fills up.
    ///   - truncating: on which side too long sequences lose tokens.
    public init(
        padding sequences: [[Int]], length: Int? = nil, padding: SequenceSide = .before,
        truncating: SequenceSide = .before, value: Int = 0
    ) {
        let length = length ?? sequences.map(\.count).max() ?? 0
        let rows = sequences.flatMap { sequence -> [Int32] in
            let kept = truncating == .before ? Array(sequence.suffix(length)) : Array(sequence.prefix(length))
            let fill = [Int32](repeating: Int32(truncatingIfNeeded: value), count: length - kept.count)
            let tokens = kept.map { Int32(truncatingIfNeeded: $0) }
            return padding == .before ? fill + tokens : tokens + fill
        }
        self.init(rows, shape: [sequences.count, length])
    }
}
