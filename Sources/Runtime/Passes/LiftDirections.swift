import FerryEngine

/// A ReverseSequence whose lengths are all that of the axis is a Reverse.
enum LiftReverse: Pass {
    static let summary = "recognise sequences that are reversed as a whole"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let reverse = node.layer.operation as? ReverseSequence, let x = node.inputs[0],
            isWhole(node.inputs[1], x, reverse.timeAxis, draft)
        else { return false }
        let new = try draft.makeNode(
            node.layer.name, Reverse(axis: reverse.timeAxis), [x], outputs: [node.outputs[0]])
        draft.replace([index], with: [new])
        return true
    }

    private static func isWhole(
        _ lengths: Graph.ValueID?, _ x: Graph.ValueID, _ axis: Int, _ draft: GraphDraft
    ) -> Bool {
        if let known = draft.constant(lengths) {
            return known.ints.allSatisfy { draft.type(of: x).shape[axis] == .fixed($0) } && known.count > 0
        }
        guard let index = draft.producer(of: lengths) else { return false }
        let node = draft.nodes[index]
        switch node.layer.operation {
        case is Expand, is Tile, is Cast: return isWhole(node.inputs[0], x, axis, draft)
        case let fill as Fill: return draft.type(of: x).shape[axis].length.map { fill.value.ints == [$0] } ?? false
        default: return draft.isLength(lengths, of: x, axis: axis)
        }
    }
}

/// A recurrent layer over a reversed sequence goes backwards over the sequence.
enum LiftBackwards: Pass {
    static let summary = "let recurrent layers go backwards"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard var layer = node.layer.operation as? any RecurrentOperator, draft.ownsLayer(index),
            let (first, reverse) = draft.producer(of: node.inputs[0], Reverse.self),
            reverse.axis == (layer.options.timeMajor ? 0 : 1), let x = draft.nodes[first].inputs[0]
        else { return false }
        layer.options.goBackwards.toggle()
        var new = node
        new.layer.operation = layer
        new.inputs[0] = x
        var nodes: [GraphDraft.Node] = []
        if case .given(let mask) = node.mask {
            nodes = [try draft.makeNode("\(node.layer.name)/Mask", Reverse(axis: reverse.axis), [mask])]
            new.mask = .given(nodes[0].outputs[0])
        }
        draft.replace([index], with: nodes + [new])
        return true
    }
}

/// Two recurrent layers that run over one sequence in opposite directions and whose outputs are merged are a pair.
enum PairDirections: Pass {
    static let summary = "recognise pairs of layers of opposite directions as Bidirectional"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard node.inputs.count == 2, let merge = MergeDirections.merge(node, draft), let a = node.inputs[0],
            let b = node.inputs[1], let forward = draft.producer(of: a),
            let there = draft.nodes[forward].layer.operation as? any RecurrentOperator
        else { return false }
        var backwardOutput = b
        if there.options.returnSequences {
            guard let (turn, reverse) = draft.exclusive(b, Reverse.self), let turned = draft.nodes[turn].inputs[0],
                reverse.axis == (there.options.timeMajor ? 0 : 1)
            else { return false }
            backwardOutput = turned
        }
        guard let backward = draft.producer(of: backwardOutput),
            let back = draft.nodes[backward].layer.operation as? any RecurrentOperator,
            fits(forward, there, backward, back, draft), draft.nodes[forward].outputs[0] == a,
            draft.nodes[backward].outputs[0] == backwardOutput,
            [a, b, backwardOutput].allSatisfy({ draft.readers(of: $0).count == 1 && !draft.isOutput($0) })
        else { return false }
        try draft.joinDirections(
            (forward, there), (backward, back), merge: merge, in: index, outputs: [node.outputs[0]])
        return true
    }

    static func fits(
        _ forward: Int, _ there: any RecurrentOperator, _ backward: Int, _ back: any RecurrentOperator,
        _ draft: GraphDraft
    ) -> Bool {
        let (first, second) = (draft.nodes[forward], draft.nodes[backward])
        var mirrored = back.options
        mirrored.goBackwards.toggle()
        return there.kind == back.kind && there.options == mirrored && !there.options.goBackwards
            && first.inputs[0] == second.inputs[0] && haveOneMask(first, second, draft)
            && first.inputs.count == second.inputs.count && draft.ownsLayer(forward) && draft.ownsLayer(backward)
            && there.stateSizes == back.stateSizes
    }

    private static func haveOneMask(
        _ first: GraphDraft.Node, _ second: GraphDraft.Node, _ draft: GraphDraft
    ) -> Bool {
        if first.mask == second.mask { return true }
        guard let a = MaskOrigin(first.mask.value, draft), let b = MaskOrigin(second.mask.value, draft) else {
            return false
        }
        return a == b
    }
}

/// A layer whose sequence is turned around, beside one of the opposite direction over the same input, is half of a pair
/// that does not merge.
enum PairUnmerged: Pass {
    static let summary = "recognise pairs of layers of opposite directions that are not merged"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let turn = node.layer.operation as? Reverse, let (backward, back) = recurrent(node.inputs[0], draft),
            turn.axis == (back.options.timeMajor ? 0 : 1),
            draft.readers(of: draft.nodes[backward].outputs[0]) == [index],
            !draft.isOutput(draft.nodes[backward].outputs[0]),
            let forward = draft.nodes.indices.first(where: { place in
                (draft.nodes[place].layer.operation as? any RecurrentOperator).map {
                    PairDirections.fits(place, $0, backward, back, draft)
                } ?? false
            }), let there = draft.nodes[forward].layer.operation as? any RecurrentOperator,
            there.options.returnSequences
        else { return false }
        try draft.joinDirections(
            (forward, there), (backward, back), merge: nil, in: index,
            outputs: [draft.nodes[forward].outputs[0], node.outputs[0]])
        return true
    }

    private static func recurrent(
        _ value: Graph.ValueID?, _ draft: GraphDraft
    ) -> (index: Int, layer: any RecurrentOperator)? {
        guard let index = draft.producer(of: value), draft.nodes[index].outputs[0] == value,
            let layer = draft.nodes[index].layer.operation as? any RecurrentOperator
        else { return nil }
        return (index, layer)
    }
}

extension GraphDraft {
    /// Puts one Bidirectional in the place of two layers and of the node `index` behind them.
    fileprivate mutating func joinDirections(
        _ forward: (index: Int, layer: any RecurrentOperator), _ backward: (index: Int, layer: any RecurrentOperator),
        merge: Bidirectional.Merge?, in index: Int, outputs: [Graph.ValueID]
    ) throws {
        let (first, second) = (nodes[forward.index], nodes[backward.index])
        var parameters = ParameterSet()
        parameters.merge(first.parameters, scope: "forward")
        parameters.merge(second.parameters, scope: "backward")
        var joined = try makeNode(
            first.layer.name, Bidirectional(forward: forward.layer, backward: backward.layer, merge: merge),
            first.inputs + second.inputs.dropFirst(),
            outputs: outputs + first.outputs.dropFirst() + second.outputs.dropFirst(), parameters: parameters)
        joined.mask = first.mask
        // States of the layers are read behind both of them.
        replace([forward.index, backward.index, index], with: [])
        insert([joined])
    }
}
