import FerryEngine

/// The sum of the steps that count, divided by their number, is a mean over time that knows the mask.
///
///     Σ x · float(m) / Σ float(m)  or  Σ (m ? x : 0) / Σ float(m)
enum LiftMaskedPooling: Pass {
    static let summary = "recognise means of the steps that count as masked poolings"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard (node.layer.operation as? Arithmetic)?.function == .divide, let sum = summed(node.inputs[0], draft),
            let count = summed(node.inputs[1], draft), let mask = mask(count, draft), let x = hidden(sum, mask, draft),
            draft.type(of: x).rank == 3, draft.type(of: x).dtype == .float32
        else { return false }
        var nodes: [GraphDraft.Node] = []
        var flat = mask
        if draft.type(of: mask).rank == 3 {
            nodes.append(try draft.makeNode("\(node.layer.name)/Mask", Squeeze([2]), [mask]))
            flat = nodes[0].outputs[0]
        }
        var pooling = try draft.makeNode(node.layer.name, GlobalPooling(.average), [x], outputs: [node.outputs[0]])
        pooling.mask = .given(flat)
        draft.dropCarriedMasks()
        draft.replace([index], with: nodes + [pooling])
        return true
    }

    /// What is summed over time.
    private static func summed(_ value: Graph.ValueID?, _ draft: GraphDraft) -> Graph.ValueID? {
        guard let (index, reduction) = draft.producer(of: value, Reduction.self), reduction.function == .sum,
            !reduction.keepsAxes, reduction.axes?.values == [1]
        else { return nil }
        return draft.nodes[index].inputs[0]
    }

    /// The values that are zeros where the mask says so.
    private static func hidden(_ value: Graph.ValueID, _ mask: Graph.ValueID, _ draft: GraphDraft) -> Graph.ValueID? {
        guard let index = draft.producer(of: value) else { return nil }
        let inputs = draft.nodes[index].inputs
        if draft.nodes[index].layer.operation is Choice {
            return draft.isZero(inputs[2]) && Self.mask(inputs[0], draft) == mask ? inputs[1] : nil
        }
        guard (draft.nodes[index].layer.operation as? Arithmetic)?.function == .multiply else { return nil }
        if Self.mask(inputs[1], draft) == mask { return inputs[0] }
        return Self.mask(inputs[0], draft) == mask ? inputs[1] : nil
    }

    /// The mask, bool [batch, time] or [batch, time, 1], that a value of as many numbers is.
    private static func mask(_ value: Graph.ValueID?, _ draft: GraphDraft) -> Graph.ValueID? {
        guard let value, draft.type(of: value).rank == 2 || draft.type(of: value).shape.last == .fixed(1) else {
            return nil
        }
        if let index = draft.producer(of: value), let x = draft.nodes[index].inputs.first ?? nil {
            let operation = draft.nodes[index].layer.operation
            if operation is Unsqueeze, draft.type(of: x).rank == 2, let found = mask(x, draft) { return found }
            if operation is Cast, draft.type(of: value).dtype != .bool { return mask(x, draft) }
        }
        return draft.type(of: value).dtype == .bool ? value : nil
    }
}
