import FerryEngine

/// A pooling that sees everything is a reduction; one whose axes are dropped behind it drops them itself.
enum SimplifyReductions: Pass {
    static let summary = "join reductions with the axes that are dropped or moved around them"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        if let pooling = node.layer.operation as? Pooling, pooling.window == nil, let x = node.inputs[0],
            let function = reduction(pooling.function)
        {
            let axes = Array(2..<draft.type(of: x).rank)
            return try replace(node, index, Reduction(function, axes: .known(axes)), x, in: &draft)
        }
        if let squeeze = node.layer.operation as? Squeeze, let dropped = squeeze.axes?.values,
            let (first, reduction) = draft.exclusive(node.inputs[0], Reduction.self), reduction.keepsAxes,
            let x = draft.nodes[first].inputs[0], let axes = reduction.axes?.values, !axes.isEmpty
        {
            let rank = draft.type(of: x).rank
            guard try checkedAxes(dropped, rank: rank) == checkedAxes(axes, rank: rank) else { return false }
            let joined = Reduction(reduction.function, axes: .known(axes), keepsAxes: false)
            return try replace(node, index, joined, x, in: &draft)
        }
        guard let reduction = node.layer.operation as? Reduction, let axes = reduction.axes?.values, !axes.isEmpty,
            let (first, transpose) = draft.producer(of: node.inputs[0], Transpose.self),
            let x = draft.nodes[first].inputs[0]
        else { return false }
        let permutation = transpose.resolved(rank: draft.type(of: x).rank)
        let reduced = try checkedAxes(axes, rank: permutation.count)
        if reduction.keepsAxes {
            let moved = Reduction(reduction.function, axes: .known(reduced.map { permutation[$0] }.sorted()))
            let inner = try draft.makeNode(node.layer.name, moved, [x])
            let outer = try draft.makeNode(
                "\(node.layer.name)/Transpose", transpose, [inner.outputs[0]], outputs: [node.outputs[0]])
            draft.replace([index], with: [inner, outer])
            return true
        }
        let kept = permutation.indices.filter { !reduced.contains($0) }.map { permutation[$0] }
        guard kept == kept.sorted() else { return false }
        let moved = Reduction(
            reduction.function, axes: .known(reduced.map { permutation[$0] }.sorted()), keepsAxes: false)
        return try replace(node, index, moved, x, in: &draft)
    }

    private static func reduction(_ function: Pooling.Function) -> Reduction.Function? {
        switch function {
        case .maximum: .maximum
        case .average: .mean
        case .norm: nil
        }
    }

    private static func replace(
        _ node: GraphDraft.Node, _ index: Int, _ operation: any Operator, _ x: Graph.ValueID,
        in draft: inout GraphDraft
    ) throws -> Bool {
        draft.replace([index], with: [try draft.makeNode(node.layer.name, operation, [x], outputs: [node.outputs[0]])])
        return true
    }
}

/// The mean or the largest along all axes between batch and features is a global pooling.
enum LiftGlobalPooling: Pass {
    static let summary = "recognise means and maxima over time as global poolings"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let pooling = layer(node, draft) else { return false }
        let new = try draft.makeNode(node.layer.name, pooling, [node.inputs[0]], outputs: [node.outputs[0]])
        draft.replace([index], with: [new])
        return true
    }

    /// The pooling that a node is.
    static func layer(_ node: GraphDraft.Node, _ draft: GraphDraft) -> GlobalPooling? {
        guard let reduction = node.layer.operation as? Reduction, let x = node.inputs[0],
            draft.type(of: x).dtype == .float32, let axes = reduction.axes?.values,
            [.mean, .maximum].contains(reduction.function)
        else { return nil }
        let rank = draft.type(of: x).rank
        guard (3...5).contains(rank), (try? checkedAxes(axes, rank: rank)) == Array(1..<(rank - 1)) else { return nil }
        var pooling = GlobalPooling(reduction.function == .mean ? .average : .maximum, axes: rank - 2)
        pooling.keepsAxes = reduction.keepsAxes
        return pooling
    }
}
