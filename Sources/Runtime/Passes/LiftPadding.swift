import FerryEngine

/// Zeros around the axes between batch and features are a ZeroPadding.
enum LiftPadding: Pass {
    static let summary = "recognise ZeroPadding"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let pad = node.layer.operation as? Pad, pad.mode == .constant, let x = node.inputs[0],
            draft.type(of: x).dtype == .float32, let pads = pad.pads.values,
            let axes = pad.axes.map(\.values) ?? Array(0..<draft.type(of: x).rank), pads.allSatisfy({ $0 >= 0 }),
            pad.valueSlot.map({ draft.isZero(node.inputs[$0]) }) ?? true
        else { return false }
        let rank = draft.type(of: x).rank
        var margins = [SpatialMargin](repeating: SpatialMargin(0, 0), count: max(0, rank - 2))
        for (place, axis) in axes.enumerated() {
            let axis = try checkedAxis(axis, rank: rank)
            let margin = SpatialMargin(pads[place], pads[place + axes.count])
            if 1..<(rank - 1) ~= axis {
                margins[axis - 1] = margin
            } else if margin != SpatialMargin(0, 0) {
                return false
            }
        }
        guard (1...3).contains(margins.count) else { return false }
        let new = try draft.makeNode(node.layer.name, ZeroPadding(margins), [x], outputs: [node.outputs[0]])
        draft.replace([index], with: [new])
        return true
    }
}
