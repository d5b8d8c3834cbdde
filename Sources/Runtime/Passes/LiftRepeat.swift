import FerryEngine

/// Axes of length one that are not repeated are dropped before a value is repeated along others.
enum NarrowRepeats: Pass {
    static let summary = "drop axes before values are repeated along others"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let squeeze = node.layer.operation as? Squeeze,
            let (first, tile) = draft.producer(of: node.inputs[0], Tile.self), let repeats = tile.repeats.values,
            let x = draft.nodes[first].inputs[0],
            let axes = try squeeze.axes?.values.map({ try checkedAxes($0, rank: repeats.count) }), !axes.isEmpty,
            axes.allSatisfy({ repeats[$0] == 1 })
        else { return false }
        let narrow = try draft.makeNode("\(draft.nodes[first].layer.name)/Squeeze", Squeeze(axes), [x])
        let left = repeats.indices.filter { !axes.contains($0) }.map { repeats[$0] }
        let new = try draft.makeNode(
            draft.nodes[first].layer.name, Tile(.known(left)), [narrow.outputs[0]], outputs: [node.outputs[0]])
        draft.replace([index], with: [narrow, new])
        return true
    }
}

/// A row that is laid out again and again along a new axis is a RepeatVector.
enum LiftRepeat: Pass {
    static let summary = "recognise RepeatVector"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        let repeats =
            (node.layer.operation as? Expand)?.shape.values ?? (node.layer.operation as? Tile)?.repeats.values
        guard let repeats, repeats.count == 3, repeats[0] == 1, repeats[2] == 1, repeats[1] > 0,
            let row = node.inputs[0], draft.type(of: row).rank == 3, draft.type(of: row).shape[1] == .fixed(1),
            let first = draft.producer(of: row), let x = draft.nodes[first].inputs.first ?? nil,
            draft.nodes[first].layer.operation is Unsqueeze || draft.nodes[first].layer.operation is TensorReshape,
            draft.type(of: x).rank == 2, draft.type(of: x).shape[1].length != nil,
            draft.type(of: x).shape[1] == draft.type(of: row).shape[2]
        else { return false }
        let new = try draft.makeNode(node.layer.name, RepeatVector(repeats[1]), [x], outputs: [node.outputs[0]])
        draft.replace([index], with: [new])
        return true
    }
}
