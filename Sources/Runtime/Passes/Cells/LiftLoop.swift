import FerryEngine

/// A Loop or Scan whose rounds are the steps of a recurrent layer is that layer.
enum LiftLoop: Pass {
    static let summary = "recognise loops over the steps of a recurrent cell as recurrent layers"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        var rounds: Rounds?
        if let loop = node.layer.operation as? Loop { rounds = try Rounds(loop, node, in: draft) }
        if let scan = node.layer.operation as? Scan { rounds = try Rounds(scan, node, in: draft) }
        guard let rounds, let recurrence = Recurrence(rounds, draft) else { return false }
        return try recurrence.replace(index, in: &draft)
    }
}

/// A recurrent cell whose states are what a loop carries.
struct Recurrence {
    let rounds: Rounds
    private let match: CellMatch
    private let input: Rounds.Sequence
    private let mask: Rounds.Sequence?
    /// The carried values that are the states, in the layer's order.
    private let states: [Rounds.Carried]

    init?(_ rounds: Rounds, _ draft: GraphDraft) {
        self.rounds = rounds
        let tracer = ColumnTracer(draft: rounds.body, counters: rounds.counters)
        let inputs = Set(rounds.carried.map(\.input))
        let matcher = CellMatcher(tracer: tracer) { $0.step == nil && inputs.contains($0.value) }
        func unmasked(_ value: Graph.ValueID) -> Graph.ValueID {
            rounds.body.producer(of: value, Choice.self).flatMap { rounds.body.nodes[$0.index].inputs[1] } ?? value
        }
        for candidate in rounds.carried {
            guard let output = tracer.all(unmasked(candidate.output)), let match = matcher.match(output) else {
                continue
            }
            let states = zip(match.states, match.newStates).compactMap { old, new in
                rounds.carried.first {
                    tracer.all($0.input) == old && tracer.all(unmasked($0.output)).map(tracer.source) == new
                }
            }
            guard states.count == match.states.count, let input = rounds.sequence(match.input),
                rounds.cover(input, in: draft)
            else { continue }
            let choices = states.map { rounds.body.producer(of: $0.output, Choice.self) }
            var mask: Rounds.Sequence?
            if choices.contains(where: { $0 != nil }) {
                let masks = zip(states, choices).map { state, choice -> Rounds.Sequence? in
                    guard let choice, rounds.body.nodes[choice.index].inputs[2] == state.input else { return nil }
                    return Recurrence.mask(rounds.body.nodes[choice.index].inputs[0], rounds)
                }
                guard let first = masks[0], masks.allSatisfy({ $0 == first }), first.isReversed == input.isReversed,
                    rounds.cover(first, in: draft)
                else { continue }
                mask = first
            }
            (self.match, self.input, self.mask, self.states) = (match, input, mask, states)
            return
        }
        return nil
    }

    /// The sequence whose element of the round a mask is, [batch] or [batch, 1], spread over the features or not.
    private static func mask(_ value: Graph.ValueID?, _ rounds: Rounds) -> Rounds.Sequence? {
        guard let value else { return nil }
        if let sequence = rounds.elements[value] { return sequence }
        guard let index = rounds.body.producer(of: value), let x = rounds.body.nodes[index].inputs.first ?? nil else {
            return nil
        }
        let node = rounds.body.nodes[index]
        switch node.layer.operation {
        case is Unsqueeze, is Expand, is Tile: return mask(x, rounds)
        case let gather as Gather:
            guard let place = node.inputs[1], rounds.counters.contains(place), let outer = rounds.outside[x],
                let axis = resolvedAxis(gather.axis, rank: rounds.body.type(of: x).rank), axis < 2
            else { return nil }
            return Rounds.Sequence(value: outer, axis: axis)
        default: return nil
        }
    }

    /// Puts the layer where the loop is; every result of the loop that is read must be one of the layer's.
    func replace(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let loop = draft.nodes[index]
        let name = loop.layer.name
        var layer = match.layer
        layer.options.returnSequences = true
        layer.options.returnState = true
        layer.options.timeMajor = input.axis == 0
        layer.options.goBackwards = input.isReversed
        var sequences: [Rounds.Sequence] = []
        var lasts: [Graph.ValueID] = []
        for (element, sequence) in rounds.stacked where !draft.isUnused(sequence.value) {
            guard let zeros = isOutput(element, draft) else { return false }
            layer.options.zeroOutputForMask = layer.options.zeroOutputForMask || zeros
            sequences.append(sequence)
        }
        for value in rounds.carried where !draft.isUnused(value.result) && !isState(value) {
            guard isOutput(value.output, draft) == false else { return false }
            lasts.append(value.result)
        }
        let others = Set(loop.outputs).subtracting(rounds.carried.map(\.result) + rounds.stacked.map(\.sequence.value))
        guard try redirectInvariants(others, index, in: &draft) else { return false }

        var nodes: [GraphDraft.Node] = []
        let x = try narrowed(input.value, &nodes, name, in: &draft)
        var node = try draft.makeNode(
            name, layer, [x] + states.map(\.initial), parameters: match.parameters)
        if let mask { node.mask = .given(try maskValue(mask, &nodes, name, in: &draft)) }
        for (place, state) in states.enumerated() { node.outputs[1 + place] = state.result }
        nodes.append(node)
        for sequence in sequences {
            try nodes.append(contentsOf: place(node.outputs[0], as: sequence, name, in: &draft))
        }
        for last in lasts {
            let place = draft.addConstant("\(name)/last", Tensor(scalar: Int64(-1)))
            nodes.append(
                try draft.makeNode(
                    "\(name)/Last", Gather(axis: input.axis), [node.outputs[0], place], outputs: [last]))
        }
        if mask != nil { draft.dropCarriedMasks() }
        draft.replace([index], with: nodes)
        return true
    }

    private func isState(_ value: Rounds.Carried) -> Bool { states.contains { $0.input == value.input } }

    /// Whether a value of the body is the layer's output, and then whether masked steps are zeros; nil where it is not.
    private func isOutput(_ value: Graph.ValueID, _ draft: GraphDraft) -> Bool? {
        let tracer = ColumnTracer(draft: rounds.body, counters: rounds.counters)
        func isNew(_ value: Graph.ValueID?) -> Bool {
            value.flatMap(tracer.all).map(tracer.source) == match.newStates[0]
        }
        guard mask != nil else { return isNew(value) ? false : nil }
        guard let (index, _) = rounds.body.producer(of: value, Choice.self) else { return nil }
        let inputs = rounds.body.nodes[index].inputs
        guard isNew(inputs[1]), Recurrence.mask(inputs[0], rounds) == mask else { return nil }
        if rounds.body.isZero(inputs[2]) { return true }
        if let outer = inputs[2].flatMap({ rounds.outside[$0] }), draft.isZero(outer) { return true }
        // The last output again: what an own carried value holds, or the state where both begin with zeros.
        guard let held = rounds.carried.first(where: { $0.input == inputs[2] }), draft.isZero(held.initial),
            held.output == value
        else { return nil }
        return false
    }

    /// What the loop hands on unchanged is what it was given.
    private func redirectInvariants(
        _ results: Set<Graph.ValueID>, _ index: Int, in draft: inout GraphDraft
    ) throws -> Bool {
        let loop = draft.nodes[index]
        var unchanged: [(Graph.ValueID, Graph.ValueID)] = []
        for result in results where !draft.isUnused(result) {
            guard loop.layer.operation is Loop, let place = loop.outputs.firstIndex(of: result),
                place + 2 < loop.inputs.count, let given = loop.inputs[place + 2],
                rounds.outside[rounds.body.inputs[place + 2]] == given
            else { return false }
            unchanged.append((result, given))
        }
        for (result, given) in unchanged { draft.redirect(result, to: given) }
        return true
    }

    /// The features that the cell reads of the input.
    private func narrowed(
        _ x: Graph.ValueID, _ nodes: inout [GraphDraft.Node], _ name: String, in draft: inout GraphDraft
    ) throws -> Graph.ValueID {
        let range = match.input.range
        guard draft.type(of: x).shape.last != .fixed(range.count) else { return x }
        let slice = Slice(
            starts: .known([range.lowerBound]), ends: .known([range.upperBound]), axes: .known([2]))
        nodes.append(try draft.makeNode("\(name)/Slice", slice, [x]))
        return nodes[nodes.count - 1].outputs[0]
    }

    /// The mask with the axes of the input: batch and time in the order in which the input has them.
    private func maskValue(
        _ mask: Rounds.Sequence, _ nodes: inout [GraphDraft.Node], _ name: String, in draft: inout GraphDraft
    ) throws -> Graph.ValueID {
        var value = mask.value
        if draft.type(of: value).rank == 3 {
            nodes.append(try draft.makeNode("\(name)/Mask", Squeeze([2]), [value]))
            value = nodes[nodes.count - 1].outputs[0]
        }
        if mask.axis != input.axis {
            nodes.append(try draft.makeNode("\(name)/Mask", Transpose([1, 0]), [value]))
            value = nodes[nodes.count - 1].outputs[0]
        }
        return value
    }

    /// The layer's sequence in the order of axes and steps that the loop's result has.
    private func place(
        _ output: Graph.ValueID, as sequence: Rounds.Sequence, _ name: String,
        in draft: inout GraphDraft
    ) throws -> [GraphDraft.Node] {
        var nodes: [GraphDraft.Node] = []
        var value = output
        if sequence.isReversed {
            nodes.append(try draft.makeNode("\(name)/Reverse", Reverse(axis: input.axis), [value]))
            value = nodes[nodes.count - 1].outputs[0]
        }
        if sequence.axis != input.axis {
            nodes.append(try draft.makeNode("\(name)/Transpose", Transpose([1, 0, 2]), [value]))
            value = nodes[nodes.count - 1].outputs[0]
        }
        // The loop's own value is the last of these, or the layer's own output.
        if nodes.isEmpty {
            draft.redirect(sequence.value, to: value)
        } else {
            nodes[nodes.count - 1].outputs = [sequence.value]
        }
        return nodes
    }
}
