import FerryEngine

/// The mean of values, weighted by a softmax of Σ scale∘tanh(q + k), is an additive attention (Bahdanau et al. 2015).
enum LiftAdditiveAttention: Pass {
    static let summary = "recognise attentions that add queries and keys"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard node.layer.operation is MatMul, let values = node.inputs[1], draft.type(of: values).rank == 3,
            let (first, softmax) = draft.producer(of: node.inputs[0], Activation.self),
            softmax.function == .softmax(axis: -1) || softmax.function == .softmax(axis: 2),
            let scores = scores(draft.nodes[first].inputs[0], draft)
        else { return false }
        var parameters = ParameterSet()
        parameters["scale"] = scores.scale
        let inputs = [scores.query, values] + (scores.key == values ? [] : [scores.key])
        let attention = Attention(.additive, usesScale: scores.scale != nil)
        let new = try draft.makeNode(
            node.layer.name, attention, inputs, outputs: [node.outputs[0]], parameters: parameters)
        draft.replace([index], with: [new])
        return true
    }

    private static func scores(
        _ value: Graph.ValueID?, _ draft: GraphDraft
    ) -> (query: Graph.ValueID, key: Graph.ValueID, scale: Tensor?)? {
        guard let (index, sum) = draft.producer(of: value, Reduction.self), sum.function == .sum, !sum.keepsAxes,
            sum.axes?.values == [-1] || sum.axes?.values == [3]
        else { return nil }
        var fit = draft.nodes[index].inputs[0]
        var scale: Tensor?
        if let (product, arithmetic) = draft.producer(of: fit, Arithmetic.self), arithmetic.function == .multiply {
            let inputs = draft.nodes[product].inputs
            let isLast = draft.constant(inputs[1]) != nil
            guard let factors = draft.constant(isLast ? inputs[1] : inputs[0]), factors.dtype == .float32,
                let features = fit.flatMap({ draft.type(of: $0).shape.last?.length }), factors.count == features,
                factors.shape.last == features
            else { return nil }
            (fit, scale) = (isLast ? inputs[0] : inputs[1], factors.reshaped([features]))
        }
        guard let (bent, tanh) = draft.producer(of: fit, Activation.self), tanh.function == .tanh,
            let (add, arithmetic) = draft.producer(of: draft.nodes[bent].inputs[0], Arithmetic.self),
            arithmetic.function == .add
        else { return nil }
        let terms = draft.nodes[add].inputs
        for (query, key) in [(terms[0], terms[1]), (terms[1], terms[0])] {
            if let q = spread(query, axis: 2, draft), let k = spread(key, axis: 1, draft) { return (q, k, scale) }
        }
        return nil
    }

    /// The sequence that got a new axis.
    private static func spread(_ value: Graph.ValueID?, axis: Int, _ draft: GraphDraft) -> Graph.ValueID? {
        guard let (index, unsqueeze) = draft.producer(of: value, Unsqueeze.self), unsqueeze.axes.values?.count == 1,
            unsqueeze.axes.values.map({ resolvedAxis($0[0], rank: 4) }) == axis
        else { return nil }
        return draft.nodes[index].inputs[0]
    }
}
