package import FerryEngine
public import FerryRuntime

/// Layers as a line of text: `lstm:64,dropout:0.2,lstm:32`.
public struct LayerList: Sendable {
    /// The layers, in order; recurrent ones return sequences where another recurrent layer follows.
    public let layers: [any Operator]

    /// Reads a list such as `lstm:64,dropout:0.2,dense:16:relu`.
    ///
    /// - Parameters:
    ///   - text: names with the numbers behind colons.
    ///   - returnsSequences: whether the last recurrent layer puts out every step, too.
    /// - Throws: ``FerryError/Code/range`` naming the part that is not understood.
    public init(_ text: String, returnsSequences: Bool = false) throws {
        let parts = text.split(separator: ",").map { $0.split(separator: ":").map(String.init) }
        let lastRecurrent = parts.lastIndex { Self.recurrent.contains($0[0].lowercased()) }
        layers = try parts.enumerated().map { position, part in
            let sequences = returnsSequences || position != lastRecurrent
            return try Self.layer(part, returnsSequences: sequences)
        }
        guard !layers.isEmpty else {
            throw FerryError(.range, found: "no layers", expected: "a list such as 'lstm:64,dropout:0.2'")
        }
    }

    private static let recurrent: Set<String> = ["lstm", "gru", "rnn", "bilstm", "bigru"]

    private static func layer(_ part: [String], returnsSequences: Bool) throws -> any Operator {
        let name = part[0].lowercased()
        let unknown = FerryError(
            .range, found: "'\(part.joined(separator: ":"))'",
            expected: "lstm:UNITS, gru:UNITS, rnn:UNITS, bilstm:UNITS, bigru:UNITS, dense:UNITS[:relu] or dropout:RATE")
        guard part.count > 1, let number = Double(part[1]) else { throw unknown }
        if name == "dropout", part.count == 2, 0..<1 ~= number { return Dropout(number) }
        guard let units = Int(exactly: number), 1...100_000 ~= units, part.count < 4 else { throw unknown }
        let function = try part.count == 3 ? activation(part[2]) : nil
        func lstm() -> LSTM { LSTM(units, activation: function ?? .tanh, returnSequences: returnsSequences) }
        func gru() -> GRU { GRU(units, activation: function ?? .tanh, returnSequences: returnsSequences) }
        switch name {
        case "lstm": return lstm()
        case "gru": return gru()
        case "rnn": return SimpleRNN(units, activation: function ?? .tanh, returnSequences: returnsSequences)
        case "bilstm": return Bidirectional(lstm())
        case "bigru": return Bidirectional(gru())
        case "dense": return Dense(units, activation: function ?? .linear)
        default: throw unknown
        }
    }

    private static func activation(_ name: String) throws -> ActivationFunction {
        let known: [String: ActivationFunction] = [
            "relu": .relu, "tanh": .tanh, "sigmoid": .sigmoid, "linear": .linear, "elu": .elu(alpha: 1),
            "selu": .selu, "gelu": .gelu(approximate: false), "silu": .silu, "softplus": .softplus,
            "softsign": .softsign,
        ]
        guard let function = known[name.lowercased()] else {
            throw FerryError(
                .range, found: "the activation '\(name)'", expected: known.keys.sorted().joined(separator: ", "))
        }
        return function
    }
}
