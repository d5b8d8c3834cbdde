import FerryEngine

/// Products and sums of a value with a function of it are one function.
enum LiftActivation: Pass {
    static let summary = "recognise functions that are written out"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let (function, x) = match(node, draft), draft.type(of: x).dtype == .float32,
            draft.type(of: x) == draft.type(of: node.outputs[0])
        else { return false }
        let new = try draft.makeNode(node.layer.name, Activation(function), [x], outputs: [node.outputs[0]])
        draft.replace([index], with: [new])
        return true
    }

    private static func match(_ node: GraphDraft.Node, _ draft: GraphDraft) -> (ActivationFunction, Graph.ValueID)? {
        switch node.layer.operation {
        case let arithmetic as Arithmetic where arithmetic.function == .multiply:
            return gated(node.inputs[0], node.inputs[1], draft) ?? gated(node.inputs[1], node.inputs[0], draft)
                ?? gelu(node, draft)
        case let arithmetic as Arithmetic where arithmetic.function == .subtract:
            guard let x = node.inputs[0], applied(.tanh, node.inputs[1], draft) == x else { return nil }
            return (.tanhShrink, x)
        case let elementwise as Elementwise where elementwise.function == .negate:
            guard let softplus = applied(.softplus, node.inputs[0], draft),
                let (index, inner) = draft.producer(of: softplus, Elementwise.self), inner.function == .negate
            else { return nil }
            return draft.nodes[index].inputs[0].map { (.logSigmoid, $0) }
        default: return nil
        }
    }

    /// The function x · f(x).
    private static func gated(
        _ x: Graph.ValueID?, _ gate: Graph.ValueID?, _ draft: GraphDraft
    ) -> (ActivationFunction, Graph.ValueID)? {
        guard let x, let gate else { return nil }
        if applied(.sigmoid, gate, draft) == x { return (.silu, x) }
        if applied(.hardSigmoidKeras3, gate, draft) == x { return (.hardSilu, x) }
        if let softplus = applied(.tanh, gate, draft), applied(.softplus, softplus, draft) == x { return (.mish, x) }
        return nil
    }

    /// (x / 2) · (1 + erf(x / √2)), or the same with the tanh of a cubic polynomial.
    private static func gelu(_ node: GraphDraft.Node, _ draft: GraphDraft) -> (ActivationFunction, Graph.ValueID)? {
        guard let x = scaled(node.inputs[0], by: 0.5, draft), let share = shifted(node.inputs[1], by: 1, draft) else {
            return nil
        }
        if let (index, elementwise) = draft.producer(of: share, Elementwise.self),
            elementwise.function == .errorFunction,
            scaled(draft.nodes[index].inputs[0], by: 0.707_106_781, draft) == x
        {
            return (.gelu(approximate: false), x)
        }
        guard let argument = applied(.tanh, share, draft), let sum = scaled(argument, by: 0.797_884_561, draft),
            let (index, add) = draft.producer(of: sum, Arithmetic.self), add.function == .add,
            draft.nodes[index].inputs[0] == x, let cube = scaled(draft.nodes[index].inputs[1], by: 0.044_715, draft),
            isCube(cube, of: x, draft)
        else { return nil }
        return (.gelu(approximate: true), x)
    }

    private static func isCube(_ value: Graph.ValueID, of x: Graph.ValueID, _ draft: GraphDraft) -> Bool {
        guard let (index, outer) = draft.producer(of: value, Arithmetic.self), outer.function == .multiply,
            draft.nodes[index].inputs[1] == x,
            let (square, inner) = draft.producer(of: draft.nodes[index].inputs[0], Arithmetic.self),
            inner.function == .multiply
        else { return false }
        return draft.nodes[square].inputs == [x, x]
    }

    /// What `function` was applied to.
    private static func applied(_ function: ActivationFunction, _ value: Graph.ValueID?, _ draft: GraphDraft) -> Graph
        .ValueID?
    {
        guard let (index, activation) = draft.producer(of: value, Activation.self), activation.function == function
        else { return nil }
        return draft.nodes[index].inputs[0]
    }

    private static func scaled(_ value: Graph.ValueID?, by factor: Float, _ draft: GraphDraft) -> Graph.ValueID? {
        combined(.multiply, value, factor, draft)
    }

    private static func shifted(_ value: Graph.ValueID?, by term: Float, _ draft: GraphDraft) -> Graph.ValueID? {
        combined(.add, value, term, draft)
    }

    private static func combined(
        _ function: Arithmetic.Function, _ value: Graph.ValueID?, _ constant: Float, _ draft: GraphDraft
    ) -> Graph.ValueID? {
        guard let (index, arithmetic) = draft.producer(of: value, Arithmetic.self), arithmetic.function == function,
            let given = draft.constant(draft.nodes[index].inputs[1]), given.dtype == .float32,
            given.floats == [constant]
        else { return nil }
        return draft.nodes[index].inputs[0]
    }
}
