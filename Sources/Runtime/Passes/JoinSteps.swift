import FerryEngine

/// Equal layers of the steps of a sequence, stacked along time, are one layer of the stacked steps.
enum JoinSteps: Pass {
    static let summary = "recognise equal layers of single steps as one layer of the sequence"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let stack = node.layer.operation as? Concatenate, node.inputs.count > 1,
            resolvedAxis(stack.axis, rank: draft.type(of: node.outputs[0]).rank) == 1
        else { return false }
        let steps = node.inputs.compactMap { part -> GraphDraft.Node? in
            guard let (first, unsqueeze) = draft.producer(of: part, Unsqueeze.self), unsqueeze.axes.values == [1],
                let inner = draft.producer(of: draft.nodes[first].inputs[0])
            else { return nil }
            return draft.nodes[inner]
        }
        guard steps.count == node.inputs.count, let first = steps.first, let layer = draft.layerOfSamples(first),
            let x = first.inputs[0],
            steps.allSatisfy({ step in
                draft.layerOfSamples(step)?.equals(layer) ?? false && step.parameters == first.parameters
                    && step.inputs[0].map { draft.type(of: $0) == draft.type(of: x) } ?? false
                    && step.mask == first.mask
            })
        else { return false }
        var nodes: [GraphDraft.Node] = []
        for step in steps {
            nodes.append(try draft.makeNode("\(node.layer.name)/Unsqueeze", Unsqueeze([1]), [step.inputs[0]]))
        }
        let whole = try draft.makeNode("\(node.layer.name)/Stack", Concatenate(axis: 1), nodes.map { $0.outputs[0] })
        let joined = try draft.makeDistributed(
            first.layer.name, layer, first.parameters, over: whole.outputs[0], outputs: [node.outputs[0]])
        draft.replace([index], with: nodes + [whole, joined])
        return true
    }
}

/// Other axes that steps get before they are stacked are added to the stack.
enum StackBeforeAxes: Pass {
    static let summary = "let steps be stacked before they get other axes"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        let rank = draft.type(of: node.outputs[0]).rank
        guard let stack = node.layer.operation as? Concatenate, resolvedAxis(stack.axis, rank: rank) == 1,
            node.inputs.count > 1
        else { return false }
        let parts = node.inputs.compactMap { part -> (axes: [Int], step: Graph.ValueID)? in
            guard let (first, unsqueeze) = draft.producer(of: part, Unsqueeze.self),
                let axes = unsqueeze.axes.values.flatMap({ try? checkedAxes($0, rank: rank) }),
                let step = draft.nodes[first].inputs[0]
            else { return nil }
            return (axes, step)
        }
        guard parts.count == node.inputs.count, let axes = parts.first?.axes, axes.count > 1, axes.min() == 1,
            parts.allSatisfy({ $0.axes == axes })
        else { return false }
        var nodes = try parts.map { part in
            try draft.makeNode("\(node.layer.name)/Unsqueeze", Unsqueeze([1]), [part.step])
        }
        nodes.append(
            try draft.makeNode("\(node.layer.name)/Stack", Concatenate(axis: 1), nodes.map { $0.outputs[0] }))
        nodes.append(
            try draft.makeNode(
                "\(node.layer.name)/Axes", Unsqueeze(axes.filter { $0 != 1 }), [nodes[nodes.count - 1].outputs[0]],
                outputs: [node.outputs[0]]))
        draft.replace([index], with: nodes)
        return true
    }
}

/// Steps that are stacked along a first axis are stacked along the second one, behind the batch, and moved to the front.
enum StackBehindBatch: Pass {
    static let summary = "let steps be stacked behind the batch"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        let rank = draft.type(of: node.outputs[0]).rank
        guard let stack = node.layer.operation as? Concatenate, resolvedAxis(stack.axis, rank: rank) == 0, rank >= 3,
            node.inputs.count > 1
        else { return false }
        let steps = node.inputs.compactMap { part -> Graph.ValueID? in
            guard let (index, unsqueeze) = draft.producer(of: part, Unsqueeze.self), unsqueeze.axes.values == [0],
                let step = draft.nodes[index].inputs[0], let inner = draft.producer(of: step),
                Pick(draft.nodes[inner], draft) != nil || draft.layerOfSamples(draft.nodes[inner]) != nil
            else { return nil }
            return step
        }
        guard steps.count == node.inputs.count else { return false }
        var nodes = try steps.map { try draft.makeNode("\(node.layer.name)/Unsqueeze", Unsqueeze([1]), [$0]) }
        nodes.append(
            try draft.makeNode("\(node.layer.name)/Stack", Concatenate(axis: 1), nodes.map { $0.outputs[0] }))
        nodes.append(
            try draft.makeNode(
                "\(node.layer.name)/Transpose", Transpose([1, 0] + Array(2..<rank)),
                [nodes[nodes.count - 1].outputs[0]], outputs: [node.outputs[0]]))
        draft.replace([index], with: nodes)
        return true
    }
}

/// All elements along an axis, stacked again, are the value that they were picked from.
enum JoinPicks: Pass {
    static let summary = "read as a whole what was taken apart and stacked again"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let stack = node.layer.operation as? Concatenate,
            let axis = resolvedAxis(stack.axis, rank: draft.type(of: node.outputs[0]).rank), node.inputs.count > 1
        else { return false }
        let picks = node.inputs.compactMap { part -> Pick? in
            guard let (first, unsqueeze) = draft.producer(of: part, Unsqueeze.self), unsqueeze.axes.values?.count == 1,
                let added = unsqueeze.axes.values?[0],
                resolvedAxis(added, rank: draft.type(of: node.outputs[0]).rank) == axis,
                let source = draft.producer(of: draft.nodes[first].inputs[0])
            else { return nil }
            return Pick(draft.nodes[source], draft)
        }
        guard picks.count == node.inputs.count, let first = picks.first,
            picks.allSatisfy({ $0.value == first.value && $0.axis == first.axis }),
            picks.map(\.index) == Array(picks.indices),
            draft.type(of: first.value).shape[first.axis] == .fixed(picks.count)
        else { return false }
        if first.axis == axis {
            draft.redirect(node.outputs[0], to: first.value)
            return true
        }
        var permutation = Array(0..<draft.type(of: first.value).rank)
        permutation.remove(at: first.axis)
        permutation.insert(first.axis, at: axis)
        let new = try draft.makeNode(
            node.layer.name, Transpose(permutation), [first.value], outputs: [node.outputs[0]])
        draft.replace([index], with: [new])
        return true
    }
}
