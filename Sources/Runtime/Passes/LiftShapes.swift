import FerryEngine

/// Primitives that keep the batch axis are the layers of Keras that mean the same.
enum LiftShapes: Pass {
    static let summary = "recognise Permute, Reshape and RepeatVector"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let x = node.inputs.first ?? nil, let layer = layer(node, x, draft) else { return false }
        let source = layer is RepeatVector ? draft.producer(of: x).flatMap { draft.nodes[$0].inputs[0] } ?? x : x
        let new = try draft.makeNode(node.layer.name, layer, [source], outputs: [node.outputs[0]])
        draft.replace([index], with: [new])
        return true
    }

    static func layer(_ node: GraphDraft.Node, _ x: Graph.ValueID, _ draft: GraphDraft) -> (any Operator)? {
        let shape = draft.type(of: x).shape
        switch node.layer.operation {
        case let transpose as Transpose:
            let permutation = transpose.resolved(rank: shape.count)
            return permutation.first == 0 && permutation.count > 1 ? Permute(axes: Array(permutation.dropFirst())) : nil
        case let reshape as TensorReshape:
            guard let values = reshape.shape.values, shape.count > 0, let batch = values.first else { return nil }
            let rest = Array(values.dropFirst())
            let keepsBatch =
                batch == 0 && !reshape.zeroIsLength
                || (batch == -1 && Array(shape.dropFirst()).lengths?.product == rest.product && !rest.contains(-1))
            return keepsBatch && !rest.contains(0) ? Reshape(shape: rest) : nil
        case is Squeeze, is Unsqueeze:
            guard let move = AxisMove(node, draft), move.sources.first == 0, move.rank > 1, move.sources.count > 1
            else {
                return nil
            }
            let lengths = draft.type(of: node.outputs[0]).shape.dropFirst().map(\.length)
            return lengths.count(where: { $0 == nil }) <= 1 ? Reshape(shape: lengths.map { $0 ?? -1 }) : nil
        default: return nil
        }
    }
}
