import FerryEngine

/// Both sequences of a pair, stacked and then laid side by side, are the pair's merged output.
///
///     [time, batch, units] twice → Unsqueeze → Concat → Transpose → Reshape to [batch, time, 2 · units] or its swap
enum JoinDirections: Pass {
    static let summary = "let a pair of directions lay its sequences side by side"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard node.layer.operation is TensorReshape, draft.type(of: node.outputs[0]).rank == 3,
            let (turn, transpose) = draft.exclusive(node.inputs[0], Transpose.self),
            let (stack, concatenate) = draft.exclusive(draft.nodes[turn].inputs[0], Concatenate.self),
            let permutation = transpose.permutation, permutation.count == 4,
            let stackAxis = resolvedAxis(concatenate.axis, rank: 4),
            let (pair, sources) = parts(draft.nodes[stack].inputs, axis: stackAxis, draft),
            let bidirectional = draft.nodes[pair].layer.operation as? Bidirectional, bidirectional.merge == nil,
            bidirectional.forward.options.returnSequences, sources == draft.nodes[pair].outputs.prefix(2).map({ $0 })
        else { return false }
        let width = bidirectional.forward.outputSize + bidirectional.backward.outputSize
        let result = draft.type(of: node.outputs[0]).shape
        // What is left of the axes when the directions are taken out must come first, then directions, then units.
        let leading = permutation.prefix(2).map { $0 > stackAxis ? $0 - 1 : $0 }
        guard result[2] == .fixed(width), permutation.suffix(2) == [stackAxis, 3], Set(leading) == [0, 1],
            keepsAxes(node, permutation, draft)
        else { return false }
        try replace(node, index, pair, bidirectional, isSwapped: leading == [1, 0], in: &draft)
        return true
    }

    /// Whether a Reshape keeps the first two axes and joins the last two.
    private static func keepsAxes(_ node: GraphDraft.Node, _ permutation: [Int], _ draft: GraphDraft) -> Bool {
        guard let reshape = node.layer.operation as? TensorReshape, let x = node.inputs[0] else { return false }
        let (input, output) = (draft.type(of: x).shape, draft.type(of: node.outputs[0]).shape)
        if let values = reshape.shape.values, values.count == 3 {
            if values[0] == 0 && values[1] == 0 && !reshape.zeroIsLength { return true }
        }
        return (0..<2).allSatisfy { input[$0] == output[$0] && input[$0] != .unknown }
    }

    private static func parts(
        _ inputs: [Graph.ValueID?], axis: Int, _ draft: GraphDraft
    ) -> (pair: Int, sources: [Graph.ValueID])? {
        let sources = inputs.compactMap { input -> Graph.ValueID? in
            guard let (index, unsqueeze) = draft.exclusive(input, Unsqueeze.self), unsqueeze.axes.values == [axis],
                let source = draft.nodes[index].inputs[0], draft.readers(of: source).count == 1, !draft.isOutput(source)
            else { return nil }
            return source
        }
        guard sources.count == 2, inputs.count == 2, let pair = draft.producer(of: sources[0]) else { return nil }
        return (pair, sources)
    }

    private static func replace(
        _ node: GraphDraft.Node, _ index: Int, _ pair: Int, _ bidirectional: Bidirectional, isSwapped: Bool,
        in draft: inout GraphDraft
    ) throws {
        var merged = bidirectional
        merged.merge = .concatenate
        var new = draft.nodes[pair]
        new.layer.operation = merged
        let states = Array(new.outputs.dropFirst(2))
        if isSwapped {
            let sequence = try draft.makeNode(new.layer.name, merged, new.inputs).outputs[0]
            let turned = try draft.makeNode(
                "\(new.layer.name)/Transpose", PutBatchFirst.swap, [sequence], outputs: [node.outputs[0]])
            new.outputs = [sequence] + states
            draft.replace([index], with: [turned])
        } else {
            let sequence = try draft.makeNode(new.layer.name, merged, new.inputs, outputs: [node.outputs[0]]).outputs[0]
            new.outputs = [sequence] + states
            draft.replace([index], with: [])
        }
        draft.replace([pair], with: [new])
    }
}

/// The last outputs of both directions, stacked and laid side by side, are the pair's merged last output.
///
///     [batch, units] twice → Unsqueeze 0 → Concat 0 → Transpose [1, 0, 2] → Reshape to [batch, 2 · units]
enum JoinLastOutputs: Pass {
    static let summary = "let a pair of directions lay its last outputs side by side"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard node.layer.operation is TensorReshape, draft.type(of: node.outputs[0]).rank == 2,
            let (turn, transpose) = draft.exclusive(node.inputs[0], Transpose.self),
            transpose.permutation == [1, 0, 2],
            let (stack, concatenate) = draft.producer(of: draft.nodes[turn].inputs[0], Concatenate.self),
            concatenate.axis == 0
        else { return false }
        let parts = draft.nodes[stack].inputs.compactMap { input -> Graph.ValueID? in
            guard let (part, unsqueeze) = draft.producer(of: input, Unsqueeze.self), unsqueeze.axes.values == [0] else {
                return nil
            }
            return draft.nodes[part].inputs[0]
        }
        guard parts.count == 2, parts.count == draft.nodes[stack].inputs.count,
            let widths = parts.map({ draft.type(of: $0).shape.last ?? .unknown }).lengths,
            draft.type(of: node.outputs[0]).shape[1] == .fixed(widths.reduce(0, +)), draft.type(of: parts[0]).rank == 2
        else { return false }
        // Side by side is what concatenation along the features means, whoever computed the two.
        let new = try draft.makeNode(node.layer.name, Concatenate(axis: -1), parts, outputs: [node.outputs[0]])
        draft.replace([index], with: [new])
        return true
    }
}

/// A function of both outputs of a pair is how the pair merges them.
enum MergeDirections: Pass {
    static let summary = "let a pair of directions merge its outputs"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let merge = merge(node, draft), node.inputs.count == 2, let pair = draft.producer(of: node.inputs[0]),
            let bidirectional = draft.nodes[pair].layer.operation as? Bidirectional, bidirectional.merge == nil,
            draft.nodes[pair].mask.value == nil, readsOutputs(node, of: draft.nodes[pair], bidirectional, draft)
        else { return false }
        var merged = bidirectional
        merged.merge = merge
        var new = draft.nodes[pair]
        new.layer.operation = merged
        new.outputs = [node.outputs[0]] + new.outputs.dropFirst(2)
        _ = try draft.makeNode(new.layer.name, merged, new.inputs, outputs: new.outputs)
        draft.replace([index], with: [])
        draft.replace([pair], with: [new])
        return true
    }

    /// Whether a node reads both outputs, which nobody else does, or instead of last outputs the states equal to them.
    private static func readsOutputs(
        _ node: GraphDraft.Node, of pair: GraphDraft.Node, _ bidirectional: Bidirectional, _ draft: GraphDraft
    ) -> Bool {
        let outputs = Array(pair.outputs.prefix(2))
        if node.inputs == outputs {
            return outputs.allSatisfy { draft.readers(of: $0).count == 1 && !draft.isOutput($0) }
        }
        let options = bidirectional.forward.options
        guard options.returnState, !options.returnSequences, outputs.allSatisfy(draft.isUnused) else { return false }
        return node.inputs == [pair.outputs[2], pair.outputs[2 + bidirectional.forward.stateSizes.count]]
    }

    /// How a node merges its inputs, where it does as a pair may.
    static func merge(_ node: GraphDraft.Node, _ draft: GraphDraft) -> Bidirectional.Merge? {
        if let concatenate = node.layer.operation as? Concatenate {
            return concatenate.axis == -1 || concatenate.axis == draft.type(of: node.outputs[0]).rank - 1
                ? .concatenate : nil
        }
        switch (node.layer.operation as? Arithmetic)?.function {
        case .add, .sum: return .sum
        case .multiply: return .multiply
        case .mean: return .average
        default: return nil
        }
    }
}

/// Half the sum of both outputs of a pair is their average.
enum AverageDirections: Pass {
    static let summary = "let a pair of directions average its outputs"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard (node.layer.operation as? Arithmetic)?.function == .multiply, let half = draft.constant(node.inputs[1]),
            half.count == 1, half.rank <= 1, half.floats == [0.5], let pair = draft.producer(of: node.inputs[0]),
            let bidirectional = draft.nodes[pair].layer.operation as? Bidirectional, bidirectional.merge == .sum,
            draft.readers(of: draft.nodes[pair].outputs[0]).count == 1, !draft.isOutput(draft.nodes[pair].outputs[0])
        else { return false }
        var merged = bidirectional
        merged.merge = .average
        var new = draft.nodes[pair]
        new.layer.operation = merged
        new.outputs[0] = node.outputs[0]
        draft.replace([index], with: [])
        draft.replace([pair], with: [new])
        return true
    }
}
