import FerryEngine

/// What one round of a loop does, as the graph around it sees it.
struct Rounds {
    /// A value that goes from one round to the next.
    struct Carried {
        /// What the round gets and leaves, in the body.
        var input: Graph.ValueID
        var output: Graph.ValueID
        /// What the first round gets, and what the last one leaves, in the graph around.
        var initial: Graph.ValueID
        var result: Graph.ValueID
    }

    /// A sequence along one axis of a value of the graph around.
    struct Sequence: Hashable {
        var value: Graph.ValueID
        var axis: Int
        var isReversed = false
    }

    /// How often the body runs.
    enum Limit {
        case known(Int)
        case value(Graph.ValueID)
    }

    /// The body, simplified.
    var body: GraphDraft
    /// The values that count the rounds from 0.
    var counters: Set<Graph.ValueID> = []
    /// The carried values that rounds change, counters not among them.
    var carried: [Carried] = []
    /// What each round leaves to be stacked, and where the stack is.
    var stacked: [(element: Graph.ValueID, sequence: Sequence)] = []
    /// The elements of sequences that the body gets as inputs.
    var elements: [Graph.ValueID: Sequence] = [:]
    /// The values of the graph around that inputs of the body are.
    var outside: [Graph.ValueID: Graph.ValueID] = [:]
    /// Every one of these must be the number of rounds; none where the sequences alone decide.
    var limits: [Limit] = []

    /// The rounds of a Scan.
    init(_ scan: Scan, _ node: GraphDraft.Node, in draft: GraphDraft) throws {
        body = GraphDraft(scan.body, node.parameters)
        let (inputs, outputs) = (body.inputs, body.outputs)
        for (place, value) in node.inputs.enumerated() {
            guard let value else { continue }
            if place < scan.stateCount {
                carried.append(
                    Carried(
                        input: inputs[place], output: outputs[place], initial: value, result: node.outputs[place]))
            } else if place < scan.stateCount + scan.inputs.count {
                let direction = scan.inputs[place - scan.stateCount]
                elements[inputs[place]] = Sequence(
                    value: value, axis: try checkedAxis(direction.axis, rank: draft.type(of: value).rank),
                    isReversed: direction.isReversed)
            } else {
                outside[inputs[place]] = value
            }
        }
        for (place, direction) in scan.outputs.enumerated() {
            let result = node.outputs[scan.stateCount + place]
            stacked.append(
                (
                    outputs[scan.stateCount + place],
                    Sequence(
                        value: result, axis: try checkedAxis(direction.axis, rank: draft.type(of: result).rank),
                        isReversed: direction.isReversed)
                ))
        }
        try simplify(knowing: draft)
    }

    /// The rounds of a Loop that counts them; nil where it may stop for another reason.
    init?(_ loop: Loop, _ node: GraphDraft.Node, in draft: GraphDraft) throws {
        body = GraphDraft(loop.body, node.parameters)
        let (inputs, outputs) = (body.inputs, body.outputs)
        for place in inputs.indices.dropFirst(2) {
            guard let value = node.inputs[place] else { return nil }
            let index = place - 2
            if index < loop.carried, outputs[index + 1] != inputs[place] {
                carried.append(
                    Carried(
                        input: inputs[place], output: outputs[index + 1], initial: value, result: node.outputs[index]))
            } else {
                outside[inputs[place]] = value
            }
        }
        for place in outputs.indices.dropFirst(1 + loop.carried) {
            stacked.append((outputs[place], Sequence(value: node.outputs[place - 1], axis: 0)))
        }
        try simplify(knowing: draft)
        findCounters(in: draft)
        guard let conditions = conditions(body.outputs[0]), startsAlways(node.inputs[1], in: draft) else { return nil }
        let isBounded = node.inputs[0] != nil || conditions.contains { $0.isExact }
        limits = conditions.map(\.limit) + (node.inputs[0].map { [.value($0)] } ?? [])
        guard isBounded else { return nil }
    }

    private mutating func simplify(knowing draft: GraphDraft) throws {
        for (inner, outer) in outside { if let tensor = draft.constant(outer) { body.bind(inner, to: tensor) } }
        try simplify(by: PassCatalogue.steps)
    }

    /// Runs passes on the body, and follows what comes out of it.
    mutating func simplify(by passes: [any Pass.Type]) throws {
        let before = body.outputs
        try PassCatalogue.run(passes, on: &body)
        let now = Dictionary(zip(before, body.outputs), uniquingKeysWith: { first, _ in first })
        for place in carried.indices { carried[place].output = now[carried[place].output] ?? carried[place].output }
        for place in stacked.indices { stacked[place].element = now[stacked[place].element] ?? stacked[place].element }
    }

    private mutating func findCounters(in draft: GraphDraft) {
        counters = [body.inputs[0]]
        for value in carried
        where draft.constant(value.initial)?.wholeNumbers == [0] && isNext(value.output, after: value.input) {
            counters.insert(value.input)
        }
        carried.removeAll { counters.contains($0.input) }
    }

    /// Whether a value is one more than another.
    private func isNext(_ value: Graph.ValueID, after counter: Graph.ValueID) -> Bool {
        guard let (index, arithmetic) = body.producer(of: value, Arithmetic.self), arithmetic.function == .add else {
            return false
        }
        let inputs = body.nodes[index].inputs
        return [(inputs[0], inputs[1]), (inputs[1], inputs[0])].contains { a, b in
            uncast(a) == counter && body.constant(b)?.wholeNumbers == [1]
        }
    }

    private func uncast(_ value: Graph.ValueID?) -> Graph.ValueID? {
        guard let (index, _) = body.producer(of: value, Cast.self) else { return value }
        return uncast(body.nodes[index].inputs[0])
    }

    /// The limits that the number of the next round, or less exactly of this one, must be below; nil where a condition
    /// says something else.
    private func conditions(_ value: Graph.ValueID) -> [(limit: Limit, isExact: Bool)]? {
        if value == body.inputs[1] || body.constant(value)?.elementsAreTrue == true { return [] }
        guard let index = body.producer(of: value) else { return nil }
        let inputs = body.nodes[index].inputs
        if let logic = body.nodes[index].layer.operation as? Logic, logic.function == .and {
            guard let a = inputs[0].flatMap(conditions), let b = inputs[1].flatMap(conditions) else { return nil }
            return a + b
        }
        guard let comparison = body.nodes[index].layer.operation as? Comparison else { return nil }
        let (next, limit): (Graph.ValueID?, Graph.ValueID?)
        switch comparison.relation {
        case .less: (next, limit) = (inputs[0], inputs[1])
        case .greater: (next, limit) = (inputs[1], inputs[0])
        default: return nil
        }
        guard let next = uncast(next) else { return nil }
        let isExact = counters.contains { isNext(next, after: $0) }
        guard isExact || counters.contains(next) else { return nil }
        if let known = body.constant(uncast(limit))?.wholeNumbers, known.count == 1 {
            return [(.known(known[0]), isExact)]
        }
        return uncast(limit).flatMap { outside[$0] }.map { [(.value($0), isExact)] }
    }

    /// Whether the first round runs wherever there is a number of rounds at all: nothing is asked, or whether 0 is less.
    private func startsAlways(_ condition: Graph.ValueID?, in draft: GraphDraft) -> Bool {
        guard let condition else { return true }
        if let known = draft.constant(condition) { return known.elementsAreTrue }
        guard let index = draft.producer(of: condition) else { return false }
        let inputs = draft.nodes[index].inputs
        switch draft.nodes[index].layer.operation {
        case let logic as Logic where logic.function == .and:
            return inputs.allSatisfy { startsAlways($0, in: draft) }
        case let comparison as Comparison where comparison.relation == .less:
            return draft.constant(inputs[0])?.wholeNumbers == [0] && draft.countedAxis(inputs[1]) != nil
        case let comparison as Comparison where comparison.relation == .greater:
            return draft.constant(inputs[1])?.wholeNumbers == [0] && draft.countedAxis(inputs[0]) != nil
        default: return false
        }
    }

    /// Whether the rounds run through the whole of a sequence.
    func cover(_ sequence: Sequence, in draft: GraphDraft) -> Bool {
        limits.allSatisfy { limit in
            switch limit {
            case .known(let count): draft.type(of: sequence.value).shape[sequence.axis] == .fixed(count)
            case .value(let number): draft.isLength(number, of: sequence.value, axis: sequence.axis)
            }
        }
    }

    /// The sequence whose element of the round a value of the body is.
    func sequence(_ columns: Columns) -> Sequence? {
        if let step = columns.step {
            guard step.index == .round, let value = outside[columns.value] else { return nil }
            return Sequence(value: value, axis: step.axis)
        }
        return elements[columns.value]
    }
}

extension Tensor {
    /// The elements as integers, where they are whole numbers.
    var wholeNumbers: [Int]? {
        guard dtype != .bool, count <= 8 else { return nil }
        let doubles = cast(to: .float64).elements(Double.self)
        return doubles.allSatisfy { $0 == $0.rounded() && abs($0) < 1e15 } ? doubles.map { Int($0) } : nil
    }

    var elementsAreTrue: Bool { dtype == .bool && elements(Bool.self).allSatisfy { $0 } }
}
