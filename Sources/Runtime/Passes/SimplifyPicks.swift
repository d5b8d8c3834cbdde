import FerryEngine

/// A Slice of one element whose axis is then dropped is one element.
enum LiftPick: Pass {
    static let summary = "recognise slices of one element"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let squeeze = node.layer.operation as? Squeeze, let axes = squeeze.axes?.values, axes.count == 1,
            let first = draft.producer(of: node.inputs[0]), let single = SingleSlice(draft.nodes[first], draft),
            resolvedAxis(axes[0], rank: draft.type(of: single.value).rank) == single.axis
        else { return false }
        let place = draft.addConstant("\(node.layer.name)/index", Tensor(scalar: Int64(single.start)))
        let new = try draft.makeNode(
            node.layer.name, Gather(axis: single.axis), [single.value, place], outputs: [node.outputs[0]])
        draft.replace([index], with: [new])
        return true
    }
}

/// A Slice of one element that is stacked along its axis is one element, too.
enum LiftStackedPick: Pass {
    static let summary = "recognise slices of one element that are stacked"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let single = SingleSlice(node, draft), !draft.isUnused(node.outputs[0]), !draft.isOutput(node.outputs[0]),
            draft.readers(of: node.outputs[0]).allSatisfy({ reader in
                (draft.nodes[reader].layer.operation as? Concatenate).map {
                    resolvedAxis($0.axis, rank: draft.type(of: node.outputs[0]).rank) == single.axis
                } ?? false
            })
        else { return false }
        let place = draft.addConstant("\(node.layer.name)/index", Tensor(scalar: Int64(single.start)))
        let pick = try draft.makeNode(node.layer.name, Gather(axis: single.axis), [single.value, place])
        let aligned = try draft.makeNode(
            "\(node.layer.name)/Unsqueeze", Unsqueeze([single.axis]), [pick.outputs[0]], outputs: [node.outputs[0]])
        draft.replace([index], with: [pick, aligned])
        return true
    }
}

/// A Slice of one element along one axis.
private struct SingleSlice {
    let value: Graph.ValueID
    let axis: Int
    let start: Int

    init?(_ node: GraphDraft.Node, _ draft: GraphDraft) {
        guard let slice = node.layer.operation as? Slice, let x = node.inputs[0],
            let start = slice.starts.values, start.count == 1, let end = slice.ends.values, end.count == 1,
            slice.steps == nil || slice.steps?.values == [1], let axes = slice.axes.map(\.values) ?? [0],
            let axis = resolvedAxis(axes[0], rank: draft.type(of: x).rank)
        else { return nil }
        let length = draft.type(of: x).shape[axis].length
        let isOne =
            end[0] == start[0] + 1 && end[0] != 0
            || start[0] == -1 && end[0] >= (length ?? Int(Int32.max))
            || length.map { start[0] == $0 - 1 && end[0] >= $0 } ?? false
        guard isOne else { return nil }
        (value, self.axis, self.start) = (x, axis, start[0])
    }
}

/// One element along an axis is picked before the axes are moved or turned around.
enum SinkPicks: Pass {
    static let summary = "pick single elements before axes are moved"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let pick = Pick(node, draft), let first = draft.producer(of: pick.value) else { return false }
        if let reverse = draft.nodes[first].layer.operation as? Reverse, let x = draft.nodes[first].inputs[0],
            resolvedAxis(reverse.axis, rank: draft.type(of: x).rank) == pick.axis
        {
            let place = draft.addConstant("\(node.layer.name)/index", Tensor(scalar: Int64(-1 - pick.index)))
            let new = try draft.makeNode(
                node.layer.name, Gather(axis: pick.axis), [x, place], outputs: [node.outputs[0]])
            draft.replace([index], with: [new])
            return true
        }
        guard let move = AxisMove(draft.nodes[first], draft), let x = draft.nodes[first].inputs[0] else { return false }
        guard let axis = move.sources[pick.axis] else {
            // The axis was only added: what is left is a move.
            var rest = move
            rest.sources.remove(at: pick.axis)
            return try replace(node, index, by: rest, of: x, in: &draft)
        }
        guard node.inputs[1].flatMap(draft.constant) != nil else { return false }
        let picked = try draft.makeNode(node.layer.name, Gather(axis: axis), [x, node.inputs[1]])
        var rest = move
        rest.sources.remove(at: pick.axis)
        rest.sources = rest.sources.map { $0.map { $0 > axis ? $0 - 1 : $0 } }
        rest.rank -= 1
        return try replace(node, index, by: rest, of: picked.outputs[0], before: [picked], in: &draft)
    }

    private static func replace(
        _ node: GraphDraft.Node, _ index: Int, by move: AxisMove, of x: Graph.ValueID,
        before: [GraphDraft.Node] = [], in draft: inout GraphDraft
    ) throws -> Bool {
        var nodes = before
        var value = x
        let steps = move.steps
        for step in steps {
            let made = try draft.makeNode("\(node.layer.name)/\(step.kind)", step, [value])
            value = made.outputs[0]
            nodes.append(made)
        }
        if let last = nodes.indices.last {
            nodes[last].outputs = [node.outputs[0]]
            draft.replace([index], with: nodes)
        } else {
            draft.redirect(node.outputs[0], to: x)
        }
        return true
    }
}

/// The last step of a recurrent layer's sequence is its last output.
enum LiftLastStep: Pass {
    static let summary = "let recurrent layers put out their last step"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let pick = Pick(node, draft), let producer = draft.producer(of: pick.value) else { return false }
        let source = draft.nodes[producer]
        guard let layer = RecurrentLayer(source.layer.operation), layer.options.returnSequences,
            draft.ownsLayer(producer), pick.axis == (layer.options.timeMajor ? 0 : 1),
            let output = source.outputs.prefix(layer.sequenceCount).firstIndex(of: pick.value)
        else { return false }
        let pair = source.layer.operation as? Bidirectional
        guard pair == nil || pair?.merge == nil else { return false }
        // Where other steps are picked too, all of them may be stacked again.
        let picks = draft.readers(of: pick.value).compactMap { Pick(draft.nodes[$0], draft) }
        guard !picks.contains(where: { $0.index != pick.index && $0.axis == pick.axis }) else { return false }
        let length = draft.type(of: pick.value).shape[pick.axis].length
        let (isLast, isFirst) = (
            pick.index == -1 || length.map { pick.index == $0 - 1 } ?? false,
            pick.index == 0 || length.map { pick.index == -$0 } ?? false
        )
        // A pair turns the second sequence around, so that its last step is the first.
        guard output == 1 ? isFirst : isLast else { return false }
        let isAlone =
            pair == nil && draft.readers(of: pick.value).count == 1 && !draft.isOutput(pick.value)
            && source.outputs.dropFirst().allSatisfy(draft.isUnused)
        if isAlone {
            var new = source
            new.layer.operation = layer.with { ($0.returnSequences, $0.returnState) = (false, false) }.operation
            new.outputs = [node.outputs[0]]
            draft.replace([index], with: [])
            draft.replace([draft.producer(of: pick.value) ?? producer], with: [new])
            return true
        }
        // The state is the last output where no step is masked, or where both begin with zeros.
        guard source.mask.value == nil || source.inputs.count == 1 && !layer.options.zeroOutputForMask else {
            return false
        }
        var new = source
        new.layer.operation = layer.with { $0.returnState = true }.operation
        new.outputs = try draft.makeNode(
            source.layer.name, new.layer.operation, source.inputs, outputs: source.outputs,
            parameters: source.parameters
        ).outputs
        let states = (new.outputs.count - layer.sequenceCount) / layer.directions
        let state = new.outputs[layer.sequenceCount + output * states]
        draft.replace([producer], with: [new])
        draft.redirect(node.outputs[0], to: state)
        return true
    }
}

/// One element along an axis.
struct Pick {
    var value: Graph.ValueID
    var axis: Int
    /// Negative ones count from the end.
    var index: Int

    init?(_ node: GraphDraft.Node, _ draft: GraphDraft) {
        guard let gather = node.layer.operation as? Gather, let x = node.inputs[0], draft.constant(x) == nil,
            let place = draft.constant(node.inputs[1]), place.rank == 0,
            let axis = resolvedAxis(gather.axis, rank: draft.type(of: x).rank)
        else { return nil }
        (value, self.axis, index) = (x, axis, place.ints[0])
    }
}
