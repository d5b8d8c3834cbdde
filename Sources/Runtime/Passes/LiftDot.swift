import FerryEngine

/// A product of two computed matrices for each sample is a Dot, of normalised ones the cosine.
enum LiftDot: Pass {
    static let summary = "recognise products of computed matrices as Dot"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard node.layer.operation is MatMul,
            node.inputs.allSatisfy({ value in
                value.map {
                    draft.constant($0) == nil && draft.type(of: $0).rank == 3 && draft.type(of: $0).dtype == .float32
                } ?? false
            }), let a = node.inputs[0], let b = node.inputs[1], draft.type(of: a).shape[0] == draft.type(of: b).shape[0]
        else { return false }
        let (left, right) = (turned(a, axis: 2, draft), turned(b, axis: 1, draft))
        var (inputs, normalizes) = ([left.value, right.value], false)
        if let x = normalized(left, draft), let y = normalized(right, draft) { (inputs, normalizes) = ([x, y], true) }
        let dot = Dot(axes: (left.axis, right.axis), normalizes: normalizes)
        let new = try draft.makeNode(node.layer.name, dot, inputs, outputs: [node.outputs[0]])
        draft.replace([index], with: [new])
        return true
    }

    /// The matrices before they were transposed, and where an axis of them was then.
    private static func turned(
        _ value: Graph.ValueID, axis: Int, _ draft: GraphDraft
    ) -> (value: Graph.ValueID, axis: Int) {
        guard let (index, transpose) = draft.producer(of: value, Transpose.self), transpose.permutation == [0, 2, 1],
            let x = draft.nodes[index].inputs[0]
        else { return (value, axis) }
        return (x, 3 - axis)
    }

    /// What was brought to length one along the axis.
    private static func normalized(
        _ factor: (value: Graph.ValueID, axis: Int), _ draft: GraphDraft
    ) -> Graph.ValueID? {
        guard let (index, normalization) = draft.producer(of: factor.value, UnitNormalization.self),
            normalization.axes.map({ resolvedAxis($0, rank: 3) }) == [factor.axis]
        else { return nil }
        return draft.nodes[index].inputs[0]
    }
}
