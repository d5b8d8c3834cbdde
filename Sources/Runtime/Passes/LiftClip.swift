import FerryEngine

/// Numbers held between two bounds are one function, and so are the two hard sigmoids written with them.
enum LiftClip: Pass {
    static let summary = "recognise clipped lines as hard sigmoid, hard tanh and relu6"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let (function, x) = hardSigmoid(node, draft) ?? bounded(node, draft),
            draft.type(of: x).dtype == .float32, draft.type(of: x) == draft.type(of: node.outputs[0])
        else { return false }
        let new = try draft.makeNode(node.layer.name, Activation(function), [x], outputs: [node.outputs[0]])
        draft.replace([index], with: [new])
        return true
    }

    private static func bounded(_ node: GraphDraft.Node, _ draft: GraphDraft) -> (ActivationFunction, Graph.ValueID)? {
        guard let (x, low, high) = bounds(node, draft) else { return nil }
        switch (low, high) {
        case (0, 1):
            guard let (inner, slope, offset) = line(x, draft) else { return (.hardSigmoid(slope: 1, offset: 0), x) }
            return (.hardSigmoid(slope: slope, offset: offset), inner)
        case (0, 6): return (.relu6, x)
        case (-1, 1): return (.hardTanh, x)
        default: return nil
        }
    }

    /// Keras 3: relu6(x + 3) / 6.
    private static func hardSigmoid(
        _ node: GraphDraft.Node, _ draft: GraphDraft
    ) -> (ActivationFunction, Graph.ValueID)? {
        guard let arithmetic = node.layer.operation as? Arithmetic,
            let factor = number(node.inputs.last ?? nil, draft),
            arithmetic.function == .divide && factor == 6
                || arithmetic.function == .multiply && abs(factor - 1 / 6) < 1e-7,
            let (index, activation) = draft.producer(of: node.inputs[0], Activation.self),
            activation.function == .relu6,
            let (sum, add) = draft.producer(of: draft.nodes[index].inputs[0], Arithmetic.self), add.function == .add
        else { return nil }
        let inputs = draft.nodes[sum].inputs
        if number(inputs[1], draft) == 3 { return inputs[0].map { (.hardSigmoidKeras3, $0) } }
        return number(inputs[0], draft) == 3 ? inputs[1].map { (.hardSigmoidKeras3, $0) } : nil
    }

    /// What a node holds between which bounds.
    private static func bounds(
        _ node: GraphDraft.Node, _ draft: GraphDraft
    ) -> (x: Graph.ValueID, low: Float, high: Float)? {
        if node.layer.operation is Clip, node.inputs.count == 3, let x = node.inputs[0],
            let low = number(node.inputs[1], draft), let high = number(node.inputs[2], draft)
        {
            return (x, low, high)
        }
        guard let outer = bound(node, draft) else { return nil }
        if let (index, activation) = draft.producer(of: outer.x, Activation.self), activation.function == .relu,
            outer.function == .minimum, let x = draft.nodes[index].inputs[0]
        {
            return (x, 0, outer.number)
        }
        if let relu = node.layer.operation as? Activation, relu.function == .relu,
            let inner = draft.producer(of: node.inputs[0]).flatMap({ bound(draft.nodes[$0], draft) }),
            inner.function == .minimum
        {
            return (inner.x, 0, inner.number)
        }
        guard let index = draft.producer(of: outer.x), let inner = bound(draft.nodes[index], draft),
            inner.function != outer.function
        else { return nil }
        return outer.function == .maximum
            ? (inner.x, outer.number, inner.number) : (inner.x, inner.number, outer.number)
    }

    private static func bound(
        _ node: GraphDraft.Node, _ draft: GraphDraft
    ) -> (x: Graph.ValueID, function: Arithmetic.Function, number: Float)? {
        guard let arithmetic = node.layer.operation as? Arithmetic,
            [.minimum, .maximum].contains(arithmetic.function), node.inputs.count == 2
        else { return nil }
        if let bound = number(node.inputs[1], draft), let x = node.inputs[0] { return (x, arithmetic.function, bound) }
        guard let bound = number(node.inputs[0], draft), let x = node.inputs[1] else { return nil }
        return (x, arithmetic.function, bound)
    }

    /// The x, a and b of ax + b.
    private static func line(
        _ value: Graph.ValueID, _ draft: GraphDraft
    ) -> (x: Graph.ValueID, slope: Float, offset: Float)? {
        guard let (index, add) = draft.producer(of: value, Arithmetic.self), add.function == .add,
            let offset = number(draft.nodes[index].inputs[1], draft),
            let (product, multiply) = draft.producer(of: draft.nodes[index].inputs[0], Arithmetic.self),
            multiply.function == .multiply, let slope = number(draft.nodes[product].inputs[1], draft),
            let x = draft.nodes[product].inputs[0]
        else { return nil }
        return (x, slope, offset)
    }

    private static func number(_ value: Graph.ValueID?, _ draft: GraphDraft) -> Float? {
        guard let tensor = draft.constant(value), tensor.dtype == .float32, tensor.count == 1 else {
            return nil
        }
        return tensor.floats[0]
    }
}
