import FerryEngine

/// Features times constants plus constants are a BatchNormalization whose statistics are already in them.
enum LiftFoldedNormalization: Pass {
    static let summary = "recognise scaled and shifted features as BatchNormalization"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let (sum, beta) = operand(node, .add, draft), let (first, _) = draft.exclusive(sum, Arithmetic.self),
            let (x, gamma) = operand(draft.nodes[first], .multiply, draft), draft.type(of: x).dtype == .float32,
            draft.type(of: x).rank >= 2, draft.type(of: x) == draft.type(of: node.outputs[0]),
            let axis = axis(of: [gamma, beta], draft.type(of: x)), let length = draft.type(of: x).shape[axis].length
        else { return false }
        var layer = BatchNormalization(axis: axis == draft.type(of: x).rank - 1 ? -1 : axis, epsilon: 0)
        layer.scale = true
        var parameters = ParameterSet()
        parameters["gamma"] = gamma.reshaped([gamma.count]).broadcast(to: [length])
        parameters["beta"] = beta.reshaped([beta.count]).broadcast(to: [length])
        parameters["moving_mean"] = Tensor(zeros: [length])
        parameters["moving_variance"] = Tensor(scalar: Float(1)).broadcast(to: [length])
        let new = try draft.makeNode(
            draft.nodes[first].layer.name, layer, [x], outputs: [node.outputs[0]], parameters: parameters)
        draft.replace([first, index], with: [new])
        return true
    }

    private static func operand(
        _ node: GraphDraft.Node, _ function: Arithmetic.Function, _ draft: GraphDraft
    ) -> (Graph.ValueID, Tensor)? {
        guard (node.layer.operation as? Arithmetic)?.function == function, node.inputs.count == 2 else { return nil }
        for (x, constant) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
            if let x, draft.constant(x) == nil, let tensor = draft.constant(constant), tensor.dtype == .float32 {
                return (x, tensor)
            }
        }
        return nil
    }

    /// The one axis, not the batch, along which constants differ.
    private static func axis(of constants: [Tensor], _ type: ValueType) -> Int? {
        var axes = Set<Int>()
        for tensor in constants {
            guard tensor.rank <= type.rank else { return nil }
            for (axis, length) in tensor.shape.enumerated() where length != 1 {
                axes.insert(axis + type.rank - tensor.rank)
            }
        }
        return axes.count == 1 && axes.first != 0 ? axes.first : nil
    }
}

/// Constants that follow a LayerNormalization without its own are its scale and its shift.
enum LiftNormalizationScale: Pass {
    static let summary = "give LayerNormalization its scale and its shift"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let arithmetic = node.layer.operation as? Arithmetic, node.inputs.count == 2,
            [.multiply, .add].contains(arithmetic.function)
        else { return false }
        for (x, constant) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
            guard let (first, normalization) = draft.exclusive(x, LayerNormalization.self), draft.ownsLayer(first),
                normalization.axes == [-1], let tensor = draft.constant(constant), tensor.dtype == .float32,
                let x, let length = draft.type(of: x).shape.last?.length, tensor.count == length,
                tensor.shape.dropLast().allSatisfy({ $0 == 1 }), tensor.shape.last == length,
                tensor.rank <= draft.type(of: x).rank
            else { continue }
            var layer = normalization
            var new = draft.nodes[first]
            if arithmetic.function == .multiply {
                guard !layer.scale, !layer.center else { continue }
                layer.scale = true
                new.parameters["gamma"] = tensor.reshaped([length])
            } else {
                guard !layer.center else { continue }
                layer.center = true
                new.parameters["beta"] = tensor.reshaped([length])
            }
            new.layer.operation = layer
            new.outputs = [node.outputs[0]]
            draft.replace([first, index], with: [new])
            return true
        }
        return false
    }
}
