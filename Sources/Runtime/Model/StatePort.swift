import FerryEngine

/// A state that comes in with one input of a model and goes out with one of its outputs, for the next call.
public struct StatePort: Sendable, Hashable {
    /// The place among the model's inputs.
    public let input: Int
    /// The place among the model's outputs.
    public let output: Int
}

extension Model {
    /// The states that the model is given and gives back, in the order of its inputs.
    ///
    /// An input and an output belong together where a recurrent layer begins with the one and ends with the other, or
    /// where their names differ in words like `in`, `out` and `next` only and their types fit.
    public var statePorts: [StatePort] {
        let slots = StateSlots(graph)
        let byLayer = pairs(graph.inputs.map(slots.read), graph.outputs.map(slots.written))
        let byName = pairs(inputs.map { StateName($0.name) }, outputs.map { StateName($0.name) })
        let taken = (inputs: Set(byLayer.map(\.input)), outputs: Set(byLayer.map(\.output)))
        let others = byName.filter { !taken.inputs.contains($0.input) && !taken.outputs.contains($0.output) }
        return (byLayer + others).sorted { $0.input < $1.input }
    }

    /// Inputs and outputs with one key that no other has.
    private func pairs<Key: Hashable>(_ first: [Key?], _ second: [Key?]) -> [StatePort] {
        func places(_ keys: [Key?]) -> [Key: [Int]] {
            Dictionary(grouping: keys.indices.filter { keys[$0] != nil }) { keys[$0] ?? nil }.reduce(into: [:]) {
                if let key = $1.key { $0[key] = $1.value }
            }
        }
        let (inputs, outputs) = (places(first), places(second))
        return inputs.compactMap { key, places in
            guard places.count == 1, let targets = outputs[key], targets.count == 1,
                fits(self.inputs[places[0]].type, self.outputs[targets[0]].type)
            else { return nil }
            return StatePort(input: places[0], output: targets[0])
        }
    }

    private func fits(_ a: ValueType, _ b: ValueType) -> Bool {
        a.dtype == b.dtype && a.rank == b.rank && zip(a.shape, b.shape).allSatisfy { $0.isCompatible(with: $1) }
    }
}

/// The states of recurrent layers that values of a graph are, whatever moves lie between.
private struct StateSlots {
    private struct Slot: Hashable {
        let node: Int
        let state: Int
    }

    private let graph: Graph
    private var producers: [Graph.ValueID: (node: Int, output: Int)] = [:]
    private var readers: [Graph.ValueID: [(node: Int, input: Int)]] = [:]

    init(_ graph: Graph) {
        self.graph = graph
        for (node, call) in graph.nodes.enumerated() {
            for (output, value) in call.outputs.enumerated() { producers[value] = (node, output) }
            for (input, value) in call.inputs.enumerated() {
                if let value { readers[value, default: []].append((node, input)) }
            }
        }
    }

    /// The states that begin with a value; nil where something else is done with it.
    func read(_ value: Graph.ValueID) -> AnyHashable? {
        var slots: [Slot] = []
        guard follow(value, into: &slots), !slots.isEmpty else { return nil }
        return Set(slots)
    }

    private func follow(_ value: Graph.ValueID, into slots: inout [Slot]) -> Bool {
        for reader in readers[value] ?? [] {
            let operation = operation(reader.node)
            if operation is any RecurrentOperator || operation is Bidirectional || operation is ConvLSTM {
                guard reader.input > 0 else { return false }
                slots.append(Slot(node: reader.node, state: reader.input - 1))
            } else {
                guard moves(operation), reader.input == 0 else { return false }
                for output in graph.nodes[reader.node].outputs where !follow(output, into: &slots) { return false }
            }
        }
        return true
    }

    /// The states that a value holds; nil where it holds something else.
    func written(_ value: Graph.ValueID) -> AnyHashable? {
        guard let slots = slots(of: value), !slots.isEmpty else { return nil }
        return Set(slots)
    }

    private func slots(of value: Graph.ValueID) -> [Slot]? {
        guard let (node, output) = producers[value] else { return nil }
        let operation = operation(node)
        if operation is any RecurrentOperator || operation is Bidirectional || operation is ConvLSTM {
            let sequences = RecurrentLayer(operation)?.sequenceCount ?? 1
            if output >= sequences { return [Slot(node: node, state: output - sequences)] }
            // The last output of a layer that puts out nothing else is its first state.
            let layer = operation as? any RecurrentOperator
            return layer?.options.returnSequences == false && layer?.options.zeroOutputForMask == false
                ? [Slot(node: node, state: 0)] : nil
        }
        let inputs = graph.nodes[node].inputs.compactMap { $0 }
        if operation is Concatenate {
            let parts = inputs.map(slots)
            return parts.contains { $0 == nil } ? nil : parts.flatMap { $0 ?? [] }
        }
        return moves(operation) ? inputs.first.flatMap(slots) : nil
    }

    private func operation(_ node: Int) -> any Operator { graph.layer(of: graph.nodes[node]).operation }

    private func moves(_ operation: any Operator) -> Bool {
        operation is Squeeze || operation is Unsqueeze || operation is Transpose || operation is TensorReshape
            || operation is Gather || operation is Slice || operation is Split || operation is Cast
            || operation is Reshape || operation is Permute
    }
}

/// A name without the words that tell what comes in from what goes out: `h_in` and `h_out`, `h0` and `hn`, `state` and
/// `next_state`.
private struct StateName: Hashable {
    private static let directions: Set = [
        "in", "input", "out", "output", "init", "initial", "next", "new", "prev", "previous", "last", "final", "past",
        "present", "current", "cur", "n", "t",
    ]
    private static let states: Set = ["h", "c", "hidden", "cell", "state", "states", "cache", "memory"]

    private let words: [String]

    /// Nil where no word of the name means a state.
    init?(_ name: String) {
        var words: [String] = []
        var word = ""
        for character in name {
            let isNext = character.isUppercase && word.last?.isLowercase == true || character.isNumber && !word.isEmpty
            if isNext || !(character.isLetter || character.isNumber) {
                if !word.isEmpty { words.append(word.lowercased()) }
                word = ""
            }
            if character.isLetter || character.isNumber { word.append(character) }
        }
        if !word.isEmpty { words.append(word.lowercased()) }
        // `hn` and `cn` are h and c behind the last step.
        words = words.flatMap { ["hn", "cn"].contains($0) ? [String($0.prefix(1)), "n"] : [$0] }
        var kept = words.filter { !Self.directions.contains($0) }
        // h0 is the state before the first step, but the 0 of two numbered states is part of the name.
        if kept.count == 2, kept[1] == "0" { kept.removeLast() }
        guard kept.contains(where: Self.states.contains) else { return nil }
        self.words = kept
    }
}
