import FerryEngine

/// Functions of several computed values of one shape are the merging layers of Keras.
enum LiftMerge: Pass {
    static let summary = "recognise merging layers"
    private static let functions: [Arithmetic.Function: Merge.Function] = [
        .add: .add, .sum: .add, .subtract: .subtract, .multiply: .multiply, .mean: .average, .maximum: .maximum,
        .minimum: .minimum,
    ]

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let arithmetic = node.layer.operation as? Arithmetic, let function = functions[arithmetic.function],
            node.inputs.count > 1, fit(node.inputs, draft)
        else { return false }
        let new = try draft.makeNode(
            node.layer.name, Merge(function), inputs(node, function, draft), outputs: [node.outputs[0]])
        draft.replace([index], with: [new])
        return true
    }

    /// The inputs, with those of a merge of the same name that nothing else reads in place of it.
    private static func inputs(
        _ node: GraphDraft.Node, _ function: Merge.Function, _ draft: GraphDraft
    ) -> [Graph.ValueID?] {
        guard function != .subtract, function != .average,
            let (first, inner) = draft.exclusive(node.inputs[0], Merge.self),
            inner.function == function, let scope = node.layer.name.scope, draft.nodes[first].layer.name.scope == scope
        else { return node.inputs }
        return draft.nodes[first].inputs + node.inputs.dropFirst()
    }

    private static func fit(_ inputs: [Graph.ValueID?], _ draft: GraphDraft) -> Bool {
        let values = inputs.compactMap { $0 }
        return values.count == inputs.count
            && values.allSatisfy { value in
                let type = draft.type(of: value)
                return draft.constant(value) == nil && type.dtype == .float32
                    && type.rank == draft.type(of: values[0]).rank && type.rank > 1
            }
    }
}

/// A sum of values times one over their number is their average.
enum LiftAverage: Pass {
    static let summary = "recognise averages of values"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard (node.layer.operation as? Arithmetic)?.function == .multiply, node.inputs.count == 2 else { return false }
        for (sum, factor) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
            guard let share = draft.constant(factor), share.dtype == .float32, share.count == 1, share.rank <= 1,
                let (first, merge) = draft.producer(of: sum, Merge.self), merge.function == .add,
                abs(share.floats[0] * Float(draft.nodes[first].inputs.count) - 1) < 1e-6
            else { continue }
            let average = try draft.makeNode(
                node.layer.name, Merge(.average), draft.nodes[first].inputs, outputs: [node.outputs[0]])
            draft.replace([index], with: [average])
            return true
        }
        return false
    }
}
