import FerryEngine

/// Transposes that undo each other vanish, others become one; one that changes nothing vanishes.
enum SimplifyTransposes: Pass {
    static let summary = "join transposes, drop those that undo each other"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let outer = node.layer.operation as? Transpose, let x = node.inputs[0] else { return false }
        let permutation = outer.resolved(rank: draft.type(of: x).rank)
        if permutation == Array(permutation.indices) {
            draft.redirect(node.outputs[0], to: x)
            return true
        }
        guard let (first, inner) = draft.producer(of: x, Transpose.self), let source = draft.nodes[first].inputs[0]
        else {
            return false
        }
        let joined = permutation.map { inner.resolved(rank: permutation.count)[$0] }
        let new = try draft.makeNode(node.layer.name, Transpose(joined), [source], outputs: [node.outputs[0]])
        draft.replace([index], with: [new])
        return true
    }
}

/// A Squeeze of the axes that an Unsqueeze has just added, and the other way around, vanish.
enum SimplifySqueezes: Pass {
    static let summary = "drop squeezes and unsqueezes that undo each other"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let x = node.inputs.first ?? nil, let first = draft.producer(of: x),
            let source = draft.nodes[first].inputs.first ?? nil,
            let outer = axes(node.layer.operation, draft.type(of: x), draft.type(of: node.outputs[0])),
            let inner = axes(draft.nodes[first].layer.operation, draft.type(of: source), draft.type(of: x)),
            outer.adds != inner.adds, outer.axes == inner.axes
        else { return false }
        draft.redirect(node.outputs[0], to: source)
        return true
    }

    /// The axes of length one that come or go, counted in the larger shape.
    private static func axes(_ operation: any Operator, _ input: ValueType, _ output: ValueType) -> (
        adds: Bool, axes: [Int]
    )? {
        if let squeeze = operation as? Squeeze, let axes = squeeze.axes?.values {
            return (try? checkedAxes(axes, rank: input.rank)).map { (false, $0) }
        }
        if let unsqueeze = operation as? Unsqueeze, let axes = unsqueeze.axes.values {
            return (try? checkedAxes(axes, rank: output.rank)).map { (true, $0) }
        }
        return nil
    }
}

/// A Slice with step −1 over a whole axis is a Reverse; two of one axis vanish; one comes before moves of axes.
enum SimplifyReversals: Pass {
    static let summary = "recognise reversed axes, drop those that undo each other"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let x = node.inputs.first ?? nil else { return false }
        if let slice = node.layer.operation as? Slice, let axis = reversedAxis(slice, rank: draft.type(of: x).rank) {
            let new = try draft.makeNode(node.layer.name, Reverse(axis: axis), [x], outputs: [node.outputs[0]])
            draft.replace([index], with: [new])
            return true
        }
        let rank = draft.type(of: x).rank
        guard let outer = node.layer.operation as? Reverse, let first = draft.producer(of: x),
            let source = draft.nodes[first].inputs.first ?? nil
        else { return false }
        let axis = try checkedAxis(outer.axis, rank: rank)
        if let inner = draft.nodes[first].layer.operation as? Reverse, try checkedAxis(inner.axis, rank: rank) == axis {
            draft.redirect(node.outputs[0], to: source)
            return true
        }
        guard let move = AxisMove(draft.nodes[first], draft), !(draft.nodes[first].layer.operation is TensorReshape),
            let moved = move.sources[axis]
        else { return false }
        let before = try draft.makeNode(node.layer.name, Reverse(axis: moved), [source])
        let after = try draft.makeNode(
            draft.nodes[first].layer.name, draft.nodes[first].layer.operation, [before.outputs[0]],
            outputs: [node.outputs[0]])
        draft.replace([index], with: [before, after])
        return true
    }

    private static func reversedAxis(_ slice: Slice, rank: Int) -> Int? {
        guard slice.steps?.values == [-1], slice.starts.values == [-1], let end = slice.ends.values, end.count == 1,
            end[0] <= Int(Int32.min), let axes = slice.axes.map(\.values) ?? [0], axes.count == 1
        else { return nil }
        return resolvedAxis(axes[0], rank: rank)
    }
}

/// One element of what was stacked before is what was put in.
enum PickStacked: Pass {
    static let summary = "read what was stacked where it comes from"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let gather = node.layer.operation as? Gather, let x = node.inputs[0],
            let place = draft.constant(node.inputs[1]), place.rank == 0,
            let (stack, concatenate) = draft.producer(of: x, Concatenate.self)
        else { return false }
        let rank = draft.type(of: x).rank
        let parts = draft.nodes[stack].inputs.compactMap { $0 }
        guard let axis = resolvedAxis(gather.axis, rank: rank), resolvedAxis(concatenate.axis, rank: rank) == axis,
            let part = resolvedAxis(place.ints[0], rank: parts.count),
            parts.allSatisfy({ draft.type(of: $0).shape[axis] == 1 })
        else { return false }
        let new = try draft.makeNode(node.layer.name, Squeeze([axis]), [parts[part]], outputs: [node.outputs[0]])
        draft.replace([index], with: [new])
        return true
    }
}
