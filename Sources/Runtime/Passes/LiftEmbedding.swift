import FerryEngine

/// A row of a constant table for each id is an Embedding.
enum LiftEmbedding: Pass {
    static let summary = "recognise rows of constant tables as Embedding"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let gather = node.layer.operation as? Gather, let table = draft.constant(node.inputs[0]), table.rank == 2,
            table.dtype == .float32, table.count > 0, resolvedAxis(gather.axis, rank: 2) == 0, let ids = node.inputs[1],
            draft.type(of: ids).rank >= 1
        else { return false }
        // The layer takes ids of any type, so a conversion before it says nothing.
        var source = ids
        if let (cast, _) = draft.producer(of: ids, Cast.self), let x = draft.nodes[cast].inputs[0] { source = x }
        if let x = wrapped(source, by: table.shape[0], draft) { source = x }
        if let (cast, _) = draft.producer(of: source, Cast.self), let x = draft.nodes[cast].inputs[0] { source = x }
        var parameters = ParameterSet()
        parameters["embeddings"] = table
        let new = try draft.makeNode(
            node.layer.name, Embedding(table.shape[0], table.shape[1]), [source], outputs: [node.outputs[0]],
            parameters: parameters)
        draft.replace([index], with: [new])
        return true
    }
}

extension LiftEmbedding {
    /// Ids, those below 0 counted from the end of the table as Keras 3 counts them.
    private static func wrapped(_ value: Graph.ValueID, by count: Int, _ draft: GraphDraft) -> Graph.ValueID? {
        guard let (index, _) = draft.producer(of: value, Choice.self), let ids = draft.nodes[index].inputs[2],
            let (test, comparison) = draft.producer(of: draft.nodes[index].inputs[0], Comparison.self),
            comparison.relation == .less, uncast(draft.nodes[test].inputs[0], draft) == uncast(ids, draft),
            draft.constant(draft.nodes[test].inputs[1])?.wholeNumbers == [0],
            let (sum, add) = draft.producer(of: draft.nodes[index].inputs[1], Arithmetic.self), add.function == .add,
            uncast(draft.nodes[sum].inputs[0], draft) == uncast(ids, draft),
            draft.constant(draft.nodes[sum].inputs[1])?.wholeNumbers == [count]
        else { return nil }
        return ids
    }

    private static func uncast(_ value: Graph.ValueID?, _ draft: GraphDraft) -> Graph.ValueID? {
        draft.producer(of: value, Cast.self).map { draft.nodes[$0.index].inputs[0] } ?? value
    }
}
