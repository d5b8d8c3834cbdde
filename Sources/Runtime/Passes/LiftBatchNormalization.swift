import FerryEngine

/// BatchNormalization between the shapes that bring its axis to place 1 takes the axis where it is.
enum LiftBatchNormalization: Pass {
    static let summary = "let BatchNormalization take its axis where it is"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        if let normalization = node.layer.operation as? BatchNormalization, normalization.axis == 1,
            draft.type(of: node.outputs[0]).rank == 2, draft.ownsLayer(index)
        {
            return replaceAxis(index, -1, input: node.inputs[0], output: node.outputs[0], in: &draft)
        }
        guard let (inner, normalization) = draft.exclusive(node.inputs.first ?? nil, BatchNormalization.self),
            draft.ownsLayer(inner), let before = draft.nodes[inner].inputs[0]
        else { return false }
        if node.layer.operation is TensorReshape {
            return unflatten(node, index, inner, normalization, before, in: &draft)
        }
        guard let after = node.layer.operation as? Transpose, normalization.axis == 1,
            let (first, transpose) = draft.exclusive(before, Transpose.self), let x = draft.nodes[first].inputs[0],
            let permutation = transpose.permutation, after.permutation == permutation,
            permutation.indices.allSatisfy({ permutation[permutation[$0]] == $0 })
        else { return false }
        guard replaceAxis(inner, permutation[1], input: x, output: node.outputs[0], in: &draft) else { return false }
        draft.replace([index], with: [])
        return true
    }

    /// Reshape to [−1, features] before, and to the shape of what it was behind.
    private static func unflatten(
        _ node: GraphDraft.Node, _ index: Int, _ inner: Int, _ normalization: BatchNormalization,
        _ before: Graph.ValueID,
        in draft: inout GraphDraft
    ) -> Bool {
        guard let (first, flatten) = draft.exclusive(before, TensorReshape.self), let x = draft.nodes[first].inputs[0],
            flatten.shape.values?.first == -1, flatten.shape.values?.count == 2,
            draft.type(of: before).shape.last == draft.type(of: x).shape.last,
            restores(node, shapeOf: x, draft)
        else { return false }
        guard replaceAxis(inner, -1, input: x, output: node.outputs[0], in: &draft) else { return false }
        draft.replace([index], with: [])
        return true
    }

    private static func restores(_ node: GraphDraft.Node, shapeOf x: Graph.ValueID, _ draft: GraphDraft) -> Bool {
        guard let reshape = node.layer.operation as? TensorReshape else { return false }
        if let values = reshape.shape.values { return draft.type(of: x).shape.lengths == values }
        guard let slot = reshape.shape.slot,
            let (shape, operation) = draft.producer(of: node.inputs[slot], ShapeOf.self)
        else {
            return false
        }
        return draft.nodes[shape].inputs[0] == x
            && operation.range(rank: draft.type(of: x).rank) == 0..<draft.type(of: x).rank
    }

    /// Puts the layer where its result is read; it computes the same from `input`.
    private static func replaceAxis(
        _ index: Int, _ axis: Int, input: Graph.ValueID?, output: Graph.ValueID, in draft: inout GraphDraft
    ) -> Bool {
        var new = draft.nodes[index]
        guard var normalization = new.layer.operation as? BatchNormalization, let input else { return false }
        normalization.axis = axis == draft.type(of: input).rank - 1 ? -1 : axis
        new.layer.operation = normalization
        new.inputs = [input]
        new.outputs = [output]
        draft.replace([index], with: [new])
        return true
    }
}
