import FerryEngine

/// A product with a constant matrix is a Dense layer.
enum LiftDense: Pass {
    static let summary = "recognise products with constant matrices as Dense"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let x = node.inputs.first ?? nil, draft.constant(x) == nil, draft.type(of: x).dtype == .float32,
            draft.type(of: x).rank >= 2, let (kernel, bias) = weights(node, draft)
        else { return false }
        var dense = Dense(kernel.shape[1])
        dense.useBias = bias != nil
        var parameters = ParameterSet()
        parameters["kernel"] = kernel
        parameters["bias"] = bias
        let new = try draft.makeNode(
            node.layer.name, dense, [x], outputs: [node.outputs[0]],
            parameters: parameters)
        draft.replace([index], with: [new])
        return true
    }

    private static func weights(_ node: GraphDraft.Node, _ draft: GraphDraft) -> (kernel: Tensor, bias: Tensor?)? {
        guard node.inputs.count >= 2, let kernel = draft.constant(node.inputs[1]), kernel.rank == 2, kernel.count > 0,
            draft.type(of: node.inputs[0] ?? node.outputs[0]).shape.last?.length == kernel.shape[0]
                || node.layer.operation is Gemm
        else { return nil }
        if node.layer.operation is MatMul { return (kernel, nil) }
        let hasBias = node.inputs.count > 2 && node.inputs[2] != nil
        guard let gemm = node.layer.operation as? Gemm, gemm.alpha == 1, gemm.beta == 1 || !hasBias, !gemm.transposesA
        else { return nil }
        let oriented = gemm.transposesB ? kernel.transposed([1, 0]) : kernel
        guard node.inputs.count > 2, let addend = node.inputs[2] else { return (oriented, nil) }
        return bias(draft.constant(addend), units: oriented.shape[1]).map { (oriented, $0) }
    }

    /// A constant as the bias of a layer, where it is the same for all rows.
    static func bias(_ tensor: Tensor?, units: Int) -> Tensor? {
        guard let tensor, tensor.dtype == .float32, tensor.count == units || tensor.count == 1,
            tensor.shape.dropLast().allSatisfy({ $0 == 1 })
        else { return nil }
        return tensor.reshaped([tensor.count]).broadcast(to: [units])
    }
}

/// An addition of constants behind a Dense layer is its bias.
enum LiftBias: Pass {
    static let summary = "give Dense layers their biases"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard (node.layer.operation as? Arithmetic)?.function == .add, node.inputs.count == 2 else { return false }
        for (x, constant) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
            guard let (first, dense) = draft.exclusive(x, Dense.self), !dense.useBias, dense.activation == .linear,
                draft.ownsLayer(first), let bias = LiftDense.bias(draft.constant(constant), units: dense.units),
                let rank = draft.constant(constant)?.rank, rank <= draft.type(of: node.outputs[0]).rank,
                draft.type(of: node.outputs[0]).rank == x.map({ draft.type(of: $0).rank })
            else { continue }
            var new = draft.nodes[first]
            var biased = dense
            biased.useBias = true
            new.layer.operation = biased
            new.outputs = [node.outputs[0]]
            new.parameters["bias"] = bias
            draft.replace([first, index], with: [new])
            return true
        }
        return false
    }
}

/// A function behind a Dense layer of the same name is its activation.
enum LiftDenseActivation: Pass {
    static let summary = "give Dense layers the activations of their name"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let activation = node.layer.operation as? Activation,
            let (first, dense) = draft.exclusive(node.inputs[0], Dense.self), dense.activation == .linear,
            draft.ownsLayer(first),
            let scope = draft.nodes[first].layer.name.scope, node.layer.name.scope == scope
        else { return false }
        var new = draft.nodes[first]
        var active = dense
        active.activation = activation.function.onLastAxis(rank: draft.type(of: node.outputs[0]).rank)
        new.layer.operation = active
        new.outputs = [node.outputs[0]]
        draft.replace([first, index], with: [new])
        return true
    }
}

extension ActivationFunction {
    /// The function with the last axis counted from the back, as layers have it.
    func onLastAxis(rank: Int) -> ActivationFunction {
        switch self {
        case .softmax(rank - 1): .softmax
        case .logSoftmax(rank - 1): .logSoftmax(axis: -1)
        default: self
        }
    }
}

extension String {
    /// The path before the last component; nil where there is none.
    var scope: String? { lastIndex(of: "/").map { String(self[..<$0]) } }
}
