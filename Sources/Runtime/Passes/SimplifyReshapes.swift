import FerryEngine

extension GraphDraft {
    /// Whether a Reshape gives its result the shape that another value has; the number of elements is known to be equal.
    func restores(_ node: Node, shapeOf value: Graph.ValueID) -> Bool {
        guard let reshape = node.layer.operation as? TensorReshape, let result = node.outputs.first,
            type(of: result).rank == type(of: value).rank
        else { return false }
        let shape = type(of: value).shape
        let matching = shape.indices.count { axis in
            let found = type(of: result).shape[axis]
            if found != .unknown, found == shape[axis] { return true }
            if let expected = reshape.shape.expected?[axis].length, expected > 0 {
                return shape[axis] == .fixed(expected)
            }
            guard let slot = reshape.shape.slot else { return false }
            return elementAxis(node.inputs[slot], axis).map {
                origin($0) == origin(AxisOrigin(value: value, axis: axis))
            } ?? false
        }
        return matching >= shape.count - 1
    }
}

/// A Reshape that gives a value back the shape that it had before another Reshape vanishes with it; one that changes
/// nothing vanishes alone.
enum SimplifyReshapes: Pass {
    static let summary = "drop reshapes that undo each other"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard node.layer.operation is TensorReshape else { return false }
        if let x = node.inputs[0], draft.restores(node, shapeOf: x) {
            draft.redirect(node.outputs[0], to: x)
            return true
        }
        guard let (first, _) = draft.producer(of: node.inputs[0], TensorReshape.self),
            let source = draft.nodes[first].inputs[0], draft.restores(node, shapeOf: source)
        else { return false }
        draft.redirect(node.outputs[0], to: source)
        return true
    }
}

/// A Reshape whose shape is made of known numbers, lengths that stay and one more length says so in numbers.
enum SettleReshapes: Pass {
    static let summary = "say the shapes of reshapes in numbers"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let reshape = node.layer.operation as? TensorReshape, reshape.shape.slot != nil,
            let expected = reshape.shape.expected, let x = node.inputs[0]
        else { return false }
        let shape = draft.type(of: x).shape
        var lengths = expected.enumerated().map { axis, length -> Int in
            if let known = length.length { return known }
            return length != .unknown && axis < shape.count && shape[axis] == length ? 0 : -1
        }
        // A length of zero in the file may have another meaning.
        guard !expected.contains(.fixed(0)) else { return false }
        if lengths.first == -1, expected.first != .fixed(-1), keepsBatch(node, x, draft) { lengths[0] = 0 }
        guard lengths.count(where: { $0 == -1 }) <= 1 else { return false }
        let new = try draft.makeNode(
            node.layer.name, TensorReshape(.known(lengths)), [x], outputs: [node.outputs[0]])
        draft.replace([index], with: [new])
        return true
    }

    private static func keepsBatch(_ node: GraphDraft.Node, _ x: Graph.ValueID, _ draft: GraphDraft) -> Bool {
        guard let slot = (node.layer.operation as? TensorReshape)?.shape.slot,
            let counted = draft.elementAxis(node.inputs[slot], 0)
        else { return false }
        return draft.origin(counted) == draft.origin(AxisOrigin(value: x, axis: 0))
    }
}

/// A layer that treats each row alone comes before the Reshape that joins the leading axes to rows.
///
///     Reshape to [rows, features] → Dense  is  Dense → Reshape to [rows, units]
enum SinkRows: Pass {
    static let summary = "let layers of single rows come before reshapes to rows"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let input = node.inputs.first ?? nil, isRowwise(node, draft), draft.type(of: input).rank == 2,
            let (first, _) = draft.exclusive(input, TensorReshape.self),
            let x = draft.nodes[first].inputs[0], draft.type(of: x).rank > 2,
            let features = draft.type(of: x).shape.last, features.length != nil,
            draft.type(of: input).shape.last == features, draft.type(of: node.outputs[0]).rank == 2,
            let width = draft.type(of: node.outputs[0]).shape[1].length, needsRows(node.outputs[0], draft)
        else { return false }
        let inner = try draft.makeNode(
            node.layer.name, node.layer.operation, [x] + node.inputs.dropFirst(), parameters: node.parameters)
        let outer = try draft.makeNode(
            draft.nodes[first].layer.name, TensorReshape(.known([-1, width])), [inner.outputs[0]],
            outputs: [node.outputs[0]])
        draft.replace([index], with: [inner, outer])
        return true
    }

    /// Whether the rows become axes again behind this, so that the move is of use.
    private static func needsRows(_ value: Graph.ValueID, _ draft: GraphDraft) -> Bool {
        !draft.isOutput(value)
            && draft.readers(of: value).allSatisfy { reader in
                let next = draft.nodes[reader]
                return next.layer.operation is TensorReshape
                    || isRowwise(next, draft) && needsRows(next.outputs[0], draft)
            }
    }

    private static func isRowwise(_ node: GraphDraft.Node, _ draft: GraphDraft) -> Bool {
        switch node.layer.operation {
        case is Dense: return true
        case let activation as Activation:
            let axis = activation.function.axis
            return axis == nil || axis == -1 || axis == 1 && draft.type(of: node.outputs[0]).rank == 2
        case is Arithmetic:
            return node.inputs.count == 2 && draft.constant(node.inputs[1]).map { $0.rank <= 1 } ?? false
        default: return false
        }
    }
}
