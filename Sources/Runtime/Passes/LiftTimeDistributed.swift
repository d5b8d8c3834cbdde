import FerryEngine

/// A layer that treats every sample alone comes before the Reshape that joined batch and time to more samples; it is
/// then distributed over time, and the Reshape meets the one that parts the axes again.
///
///     Reshape to [batch · time, …] → layer  is  TimeDistributed(layer) → Reshape to [batch · time, …]
enum LiftTimeDistributed: Pass {
    static let summary = "recognise layers that are distributed over time"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let input = node.inputs.first ?? nil, draft.ownsLayer(index),
            let layer = draft.layerOfSamples(node), let (first, joining) = draft.exclusive(input, TensorReshape.self),
            let x = draft.nodes[first].inputs[0], joins(joining, draft.type(of: x).shape),
            draft.type(of: input).rank == draft.type(of: x).rank - 1,
            isParted(node.outputs[0], time: AxisOrigin(value: x, axis: 1), draft),
            let rest = Array(draft.type(of: node.outputs[0]).shape.dropFirst()).lengths
        else { return false }
        var inner = try draft.makeDistributed(node.layer.name, layer, node.parameters, over: x)
        inner.mask = node.mask
        let outer = try draft.makeNode(
            draft.nodes[first].layer.name, TensorReshape(.known([-1] + rest)), [inner.outputs[0]],
            outputs: [node.outputs[0]])
        draft.replace([index], with: [inner, outer])
        return true
    }

    /// Whether a Reshape makes one axis of the first two and keeps the others.
    private static func joins(_ reshape: TensorReshape, _ shape: [Dimension]) -> Bool {
        guard let values = reshape.shape.values, shape.count >= 2 else { return false }
        return values.first == -1 && values.dropFirst().map(Dimension.fixed) == Array(shape.dropFirst(2))
    }

    /// Whether layers of single samples lead from a value to Reshapes that give the time axis back.
    private static func isParted(_ value: Graph.ValueID, time: AxisOrigin, _ draft: GraphDraft) -> Bool {
        guard !draft.isOutput(value) else { return false }
        let rank = draft.type(of: value).rank
        return !draft.readers(of: value).isEmpty
            && draft.readers(of: value).allSatisfy { reader in
                let next = draft.nodes[reader]
                if let reshape = next.layer.operation as? TensorReshape,
                    draft.type(of: next.outputs[0]).rank == rank + 1
                {
                    return parts(reshape, next, time: time, draft)
                }
                return draft.layerOfSamples(next) != nil && isParted(next.outputs[0], time: time, draft)
            }
    }

    private static func parts(
        _ reshape: TensorReshape, _ node: GraphDraft.Node, time: AxisOrigin, _ draft: GraphDraft
    ) -> Bool {
        let (joined, parted) = (
            node.inputs[0].map { draft.type(of: $0).shape } ?? [], draft.type(of: node.outputs[0]).shape
        )
        guard parted.dropFirst(2) == joined.dropFirst() else { return false }
        let length = draft.type(of: time.value).shape[time.axis]
        if length != .unknown, parted[1] == length { return true }
        guard let slot = reshape.shape.slot else { return false }
        return draft.elementAxis(node.inputs[slot], 1).map { draft.origin($0) == draft.origin(time) } ?? false
    }
}
