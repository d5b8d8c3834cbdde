import FerryEngine

/// A Loop or Scan whose rounds are the steps of a convolutional LSTM is a ConvLSTM.
enum LiftConvolutionalLoop: Pass {
    static let summary = "recognise loops over the steps of a convolutional LSTM as ConvLSTM"

    /// The passes that bring the convolutions of a round into the form of layers.
    private static let passes: [any Pass.Type] = [
        FoldConstants.self, DropNeutral.self, SimplifyTransposes.self, SimplifySqueezes.self, SimplifyMoves.self,
        LiftActivation.self, LiftClip.self, NarrowWindows.self, LiftConvolutionParts.self, SinkMoves.self,
    ]

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        var rounds: Rounds?
        if let loop = node.layer.operation as? Loop, convolves(loop.body) { rounds = try Rounds(loop, node, in: draft) }
        if let scan = node.layer.operation as? Scan, convolves(scan.body) { rounds = try Rounds(scan, node, in: draft) }
        guard var rounds else { return false }
        try rounds.simplify(by: passes)
        try rounds.simplify(by: [LiftWindows.self])
        try rounds.simplify(by: passes)
        let states = Set(rounds.carried.map(\.input))
        for candidate in rounds.carried {
            guard let cell = ConvolutionalCell(candidate.output, states: states, rounds.body) else { continue }
            return try replace(index, by: cell, of: rounds, in: &draft)
        }
        return false
    }

    private static func convolves(_ body: Graph) -> Bool {
        body.layers.contains { $0.operation is Convolution }
    }

    private static func replace(
        _ index: Int, by cell: ConvolutionalCell, of rounds: Rounds, in draft: inout GraphDraft
    ) throws -> Bool {
        let loop = draft.nodes[index]
        let states = zip(cell.states, cell.newStates).compactMap { old, new in
            rounds.carried.first { $0.input == old && $0.output == new }
        }
        guard states.count == 2, let sequence = sequence(cell.input, rounds), rounds.cover(sequence, in: draft),
            states.allSatisfy({ draft.isZero($0.initial) })
        else { return false }
        let outputs = rounds.stacked.filter { !draft.isUnused($0.sequence.value) }
        let read = Set(states.map(\.result) + outputs.map(\.sequence.value))
        guard
            outputs.allSatisfy({ $0.element == cell.newStates[0] && !$0.sequence.isReversed && $0.sequence.axis == 0 }),
            loop.outputs.allSatisfy({ read.contains($0) || draft.isUnused($0) })
        else { return false }

        let name = loop.layer.name
        var nodes: [GraphDraft.Node] = []
        var x = sequence.value
        let rank = draft.type(of: x).rank
        let swap = Transpose([1, 0] + Array(2..<rank))
        if sequence.axis == 0 {
            nodes.append(try draft.makeNode("\(name)/Transpose", swap, [x]))
            x = nodes[0].outputs[0]
        }
        var layer = cell.layer
        layer.options.returnState = states.contains { !draft.isUnused($0.result) }
        layer.options.returnSequences = !outputs.allSatisfy { isLast($0.sequence.value, draft) }
        layer.options.goBackwards = sequence.isReversed
        let node = try draft.makeNode(name, layer, [x], parameters: cell.parameters)
        nodes.append(node)
        for output in outputs {
            if layer.options.returnSequences {
                nodes.append(
                    try draft.makeNode(
                        "\(name)/Transpose", swap, [node.outputs[0]], outputs: [output.sequence.value]))
            } else {
                for reader in Set(draft.readers(of: output.sequence.value)) {
                    draft.redirect(draft.nodes[reader].outputs[0], to: node.outputs[0])
                }
            }
        }
        for (state, value) in zip(states, node.outputs.dropFirst()) { draft.redirect(state.result, to: value) }
        draft.replace([index], with: nodes)
        return true
    }

    /// Whether only the last step is read.
    private static func isLast(_ value: Graph.ValueID, _ draft: GraphDraft) -> Bool {
        !draft.isOutput(value)
            && draft.readers(of: value).allSatisfy { reader in
                guard let pick = Pick(draft.nodes[reader], draft), pick.value == value else { return false }
                let length = draft.type(of: value).shape[0].length
                return pick.axis == 0 && (pick.index == -1 || length.map { pick.index == $0 - 1 } ?? false)
            }
    }

    /// The sequence whose element of the round a value of the body is.
    private static func sequence(_ value: Graph.ValueID, _ rounds: Rounds) -> Rounds.Sequence? {
        if let element = rounds.elements[value] { return element }
        guard let (index, gather) = rounds.body.producer(of: value, Gather.self),
            let place = rounds.body.nodes[index].inputs[1], rounds.counters.contains(place),
            let x = rounds.body.nodes[index].inputs[0], let outer = rounds.outside[x],
            let axis = resolvedAxis(gather.axis, rank: rounds.body.type(of: x).rank), axis < 2
        else { return nil }
        return Rounds.Sequence(value: outer, axis: axis)
    }
}
