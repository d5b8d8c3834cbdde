import FerryEngine

/// A row of a constant table for each id is an Embedding.
enum LiftEmbedding: Pass {
    static let summary = "recognise rows of constant tables as Embedding"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let gather = node.layer.operation as? Gather, let table = draft.constant(node.inputs[0]), table.rank == 2,
            table.dtype == .float32, table.count > 0, resolvedAxis(gather.axis, rank: 2) == 0, let ids = node.inputs[1],
            draft.type(of: ids).rank >= 1
        else { return false }
        // The layer takes ids of any type, so a conversion before it says nothing.
        var source = ids
        if let (cast, _) = draft.producer(of: ids, Cast.self), let x = draft.nodes[cast].inputs[0] { source = x }
        if let x = wrapped(source, by: table.shape[0], draft) { source = x }
        if let (cast, _) = draft.producer(of: source, Cast.self), let x = draft.nodes[cast].inputs[0] { source = x }
        var parameters = ParameterSet()
        parameters["embeddings"] = table
        let new = try draft.makeNode(
            node.layer.name, Embedding(table.shape[0], table.shape[1]), [source], outputs: [node.outputs[0]],
            parameters: parameters)
        draft.replace([index], with: [new])
        return true
    }
}

extension LiftEmbedding {
    /// Ids, those below 0 counted from the end of the table as Keras 3 counts them.
    private static func wrapped(_ value: Graph.ValueID, by count: Int, _ draft: GraphDraft) -> Graph.ValueID? {
        guard let (index, _) = draft.producer(of: value, Choice.self), let ids = draft.nodes[index].inputs[2],
            let (test, comparison) = draft.producer(of: draft.nodes[index].inputs[0], Comparison.self),
            comparison.relation == .less, uncast(draft.nodes[test].inputs[0], draft) == uncast(ids, draft),
            draft.constant(draft.nodes[test].inputs[1])?.wholeNumbers == [0],
            let (sum, add) = draft.producer(of: draft.nodes[index].inputs[1], Arithmetic.self), add.function == .add,
            uncast(draft.nodes[sum].inputs[0], draft) == uncast(ids, draft),
            draft.constant(draft.nodes[sum].inputs[1])?.wholeNumbers == [count]
        else { return nil }
        return ids
    }

    private static func uncast(_ value: Graph.ValueID?, _ draft: GraphDraft) -> Graph.ValueID? {
        draft.producer(of: value, Cast.self).map { draft.nodes[$0.index].inputs[0] } ?? value
    }
}

/// BatchNormalization between the shapes that bring its axis to place 1 takes the axis where it is.
enum LiftBatchNormalization: Pass {
    static let summary = "let BatchNormalization take its axis where it is"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        if let normalization = node.layer.operation as? BatchNormalization, normalization.axis == 1,
            draft.type(of: node.outputs[0]).rank == 2, draft.ownsLayer(index)
        {
            return replaceAxis(index, -1, input: node.inputs[0], output: node.outputs[0], in: &draft)
        }
        guard let (inner, normalization) = draft.exclusive(node.inputs.first ?? nil, BatchNormalization.self),
            draft.ownsLayer(inner), let before = draft.nodes[inner].inputs[0]
        else { return false }
        if node.layer.operation is TensorReshape {
            return unflatten(node, index, inner, normalization, before, in: &draft)
        }
        guard let after = node.layer.operation as? Transpose, normalization.axis == 1,
            let (first, transpose) = draft.exclusive(before, Transpose.self), let x = draft.nodes[first].inputs[0],
            let permutation = transpose.permutation, after.permutation == permutation,
            permutation.indices.allSatisfy({ permutation[permutation[$0]] == $0 })
        else { return false }
        guard replaceAxis(inner, permutation[1], input: x, output: node.outputs[0], in: &draft) else { return false }
        draft.replace([index], with: [])
        return true
    }

    /// Reshape to [−1, features] before, and to the shape of what it was behind.
    private static func unflatten(
        _ node: GraphDraft.Node, _ index: Int, _ inner: Int, _ normalization: BatchNormalization,
        _ before: Graph.ValueID,
        in draft: inout GraphDraft
    ) -> Bool {
        guard let (first, flatten) = draft.exclusive(before, TensorReshape.self), let x = draft.nodes[first].inputs[0],
            flatten.shape.values?.first == -1, flatten.shape.values?.count == 2,
            draft.type(of: before).shape.last == draft.type(of: x).shape.last,
            restores(node, shapeOf: x, draft)
        else { return false }
        guard replaceAxis(inner, -1, input: x, output: node.outputs[0], in: &draft) else { return false }
        draft.replace([index], with: [])
        return true
    }

    private static func restores(_ node: GraphDraft.Node, shapeOf x: Graph.ValueID, _ draft: GraphDraft) -> Bool {
        guard let reshape = node.layer.operation as? TensorReshape else { return false }
        if let values = reshape.shape.values { return draft.type(of: x).shape.lengths == values }
        guard let slot = reshape.shape.slot,
            let (shape, operation) = draft.producer(of: node.inputs[slot], ShapeOf.self)
        else {
            return false
        }
        return draft.nodes[shape].inputs[0] == x
            && operation.range(rank: draft.type(of: x).rank) == 0..<draft.type(of: x).rank
    }

    /// Puts the layer where its result is read; it computes the same from `input`.
    private static func replaceAxis(
        _ index: Int, _ axis: Int, input: Graph.ValueID?, output: Graph.ValueID, in draft: inout GraphDraft
    ) -> Bool {
        var new = draft.nodes[index]
        guard var normalization = new.layer.operation as? BatchNormalization, let input else { return false }
        normalization.axis = axis == draft.type(of: input).rank - 1 ? -1 : axis
        new.layer.operation = normalization
        new.inputs = [input]
        new.outputs = [output]
        draft.replace([index], with: [new])
        return true
    }
}

/// Primitives that keep the batch axis are the layers of Keras that mean the same.
enum LiftShapes: Pass {
    static let summary = "recognise Permute, Reshape and RepeatVector"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let x = node.inputs.first ?? nil, let layer = layer(node, x, draft) else { return false }
        let source = layer is RepeatVector ? draft.producer(of: x).flatMap { draft.nodes[$0].inputs[0] } ?? x : x
        let new = try draft.makeNode(node.layer.name, layer, [source], outputs: [node.outputs[0]])
        draft.replace([index], with: [new])
        return true
    }

    private static func layer(_ node: GraphDraft.Node, _ x: Graph.ValueID, _ draft: GraphDraft) -> (any Operator)? {
        let shape = draft.type(of: x).shape
        switch node.layer.operation {
        case let transpose as Transpose:
            let permutation = transpose.resolved(rank: shape.count)
            return permutation.first == 0 && permutation.count > 1 ? Permute(axes: Array(permutation.dropFirst())) : nil
        case let reshape as TensorReshape:
            guard let values = reshape.shape.values, shape.count > 0, let batch = values.first else { return nil }
            let rest = Array(values.dropFirst())
            let keepsBatch =
                batch == 0 && !reshape.zeroIsLength
                || (batch == -1 && Array(shape.dropFirst()).lengths?.product == rest.product && !rest.contains(-1))
            return keepsBatch && !rest.contains(0) ? Reshape(shape: rest) : nil
        case is Squeeze, is Unsqueeze:
            guard let move = AxisMove(node, draft), move.sources.first == 0, move.rank > 1, move.sources.count > 1
            else {
                return nil
            }
            let lengths = draft.type(of: node.outputs[0]).shape.dropFirst().map(\.length)
            return lengths.count(where: { $0 == nil }) <= 1 ? Reshape(shape: lengths.map { $0 ?? -1 }) : nil
        default: return nil
        }
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

/// A product of two computed matrices for each sample is a Dot.
enum LiftDot: Pass {
    static let summary = "recognise products of computed matrices as Dot"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard node.layer.operation is MatMul,
            node.inputs.allSatisfy({ value in
                value.map {
                    draft.constant($0) == nil && draft.type(of: $0).rank == 3 && draft.type(of: $0).dtype == .float32
                } ?? false
            }), let a = node.inputs[0], let b = node.inputs[1], draft.type(of: a).shape[0] == draft.type(of: b).shape[0]
        else { return false }
        let new = try draft.makeNode(node.layer.name, Dot(axes: (2, 1)), [a, b], outputs: [node.outputs[0]])
        draft.replace([index], with: [new])
        return true
    }
}

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
        guard steps.count == node.inputs.count, let first = steps.first, first.inputs.count == 1,
            first.outputs.count == 1, !first.layer.operation.isStateful, first.mask.value == nil,
            !(first.layer.operation is Gather), let x = first.inputs[0],
            steps.allSatisfy({ step in
                "\(step.layer.operation)" == "\(first.layer.operation)" && step.parameters == first.parameters
                    && step.inputs.first.flatMap { $0 }.map { draft.type(of: $0) == draft.type(of: x) } ?? false
                    && step.mask == first.mask
            })
        else { return false }
        var nodes: [GraphDraft.Node] = []
        for step in steps {
            nodes.append(try draft.makeNode("\(node.layer.name)/Unsqueeze", Unsqueeze([1]), [step.inputs[0]]))
        }
        nodes.append(
            try draft.makeNode("\(node.layer.name)/Stack", Concatenate(axis: 1), nodes.map { $0.outputs[0] }))
        let isRowwise =
            first.layer.operation is Dense
            || (first.layer.operation as? Activation).map { $0.function.axis == nil } ?? false
        var parameters = first.parameters
        if !isRowwise {
            parameters = ParameterSet()
            parameters.merge(first.parameters, scope: "layer")
        }
        nodes.append(
            try draft.makeNode(
                first.layer.name, isRowwise ? first.layer.operation : TimeDistributed(first.layer.operation),
                [nodes[nodes.count - 1].outputs[0]], outputs: [node.outputs[0]], parameters: parameters))
        draft.replace([index], with: nodes)
        return true
    }
}

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

/// A layer between a Reshape that joins batch and time and one that parts them again is distributed over time.
enum LiftTimeDistributed: Pass {
    static let summary = "recognise layers that are distributed over time"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let parting = node.layer.operation as? TensorReshape, let slot = parting.shape.slot,
            let inner = draft.producer(of: node.inputs[0]), draft.nodes[inner].inputs.count == 1,
            draft.nodes[inner].mask.value == nil,
            let y = node.inputs[0], draft.readers(of: y).count == 1, !draft.isOutput(y), draft.ownsLayer(inner),
            let (first, joining) = draft.exclusive(draft.nodes[inner].inputs[0], TensorReshape.self),
            let x = draft.nodes[first].inputs[0], joins(joining, draft.type(of: x).shape),
            parts(node.inputs[slot], x, rest: draft.type(of: y).shape.dropFirst(), draft)
        else { return false }
        let layer = draft.nodes[inner].layer
        var parameters = ParameterSet()
        parameters.merge(draft.nodes[inner].parameters, scope: "layer")
        let name = node.layer.name
        let new = try draft.makeNode(
            name, TimeDistributed(layer.operation), [x], outputs: [node.outputs[0]], parameters: parameters)
        draft.replace([first, inner, index], with: [new])
        return true
    }

    private static func joins(_ reshape: TensorReshape, _ shape: [Dimension]) -> Bool {
        guard let values = reshape.shape.values, shape.count >= 2 else { return false }
        return values.first == -1 && values.dropFirst().map(Dimension.fixed) == Array(shape.dropFirst(2))
    }

    /// Whether a value is the first two lengths of `x` and then `rest`.
    private static func parts(
        _ value: Graph.ValueID?, _ x: Graph.ValueID, rest: ArraySlice<Dimension>, _ draft: GraphDraft
    ) -> Bool {
        func isLeading(_ value: Graph.ValueID?) -> Bool {
            if let (index, shape) = draft.producer(of: value, ShapeOf.self) {
                return draft.nodes[index].inputs[0] == x && shape.range(rank: draft.type(of: x).rank) == 0..<2
            }
            guard let (index, slice) = draft.producer(of: value, Slice.self), slice.starts.values == [0],
                slice.ends.values == [2], slice.axes == nil || slice.axes?.values == [0], slice.steps == nil,
                let (shape, operation) = draft.producer(of: draft.nodes[index].inputs[0], ShapeOf.self)
            else { return false }
            return draft.nodes[shape].inputs[0] == x && operation.range(rank: 2) == 0..<2
        }
        if rest.isEmpty { return isLeading(value) }
        guard let (index, _) = draft.producer(of: value, Concatenate.self), draft.nodes[index].inputs.count == 2 else {
            return false
        }
        let lengths = Array(rest).lengths
        return isLeading(draft.nodes[index].inputs[0]) && draft.constant(draft.nodes[index].inputs[1])?.ints == lengths
    }
}
