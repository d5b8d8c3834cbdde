import FerryEngine

/// Computes what depends on constants only.
enum FoldConstants: Pass {
    static let summary = "compute what depends on constants only"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        let inputs = node.inputs.map { draft.constant($0) }
        guard node.mask.value == nil, zip(node.inputs, inputs).allSatisfy({ $0 == nil || $1 != nil }),
            let tensors = try node.layer.operation.folded(Slots(inputs), room: draft.roomForConstants)
        else { return false }
        draft.fold(index, to: tensors)
        return true
    }
}
