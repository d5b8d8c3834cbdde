package import FerryEngine
package import FerryRuntime

/// BatchNormalization in inference, along axis 1.
extension BatchNormalization: ONNXReadable {
    package static let readableOperators = ["BatchNormalization"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let epsilon = try node.attributes.float("epsilon") ?? 1e-5
        let momentum = try node.attributes.float("momentum") ?? 0.9
        guard try !node.attributes.flag("training_mode", default: false) else {
            throw FerryError(.unsupported, at: ["attribute 'training_mode'"], found: "1", expected: "0, inference")
        }
        // Versions 1 and 7 told training from inference in other words.
        node.attributes.ignore("is_test", "consumed_inputs")
        guard try node.attributes.int("spatial") ?? 1 == 1 else {
            throw FerryError(.unsupported, at: ["attribute 'spatial'"], found: "0", expected: "1")
        }
        try node.refuseOutputs(from: 1, "inference, which has one output")
        var layer = BatchNormalization(axis: 1, epsilon: epsilon, momentum: Double(momentum))
        layer.center = true
        var parameters = ParameterSet()
        for (index, name) in ["gamma", "beta", "moving_mean", "moving_variance"].enumerated() {
            parameters[name] = try node.constant(index + 1, "parameters").cast(to: .float32)
        }
        let reader = node
        let x = try node.input(0)
        if node.type(x).dtype == .float32 { return try node.append(layer, [x], parameters: parameters) }
        return [try node.inFloat32(x) { try reader.append(layer, [$0], parameters: parameters)[0] }]
    }
}

/// LayerNormalization over the last axes.
extension LayerNormalization: ONNXReadable {
    package static let readableOperators = ["LayerNormalization"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let x = try node.input(0)
        let type = node.type(x)
        let axis = try checkedAxis(try node.attributes.int("axis") ?? -1, rank: type.rank)
        node.attributes.ignore("stash_type")
        try node.refuseOutputs(from: 1, "the normalised values only")
        var layer = LayerNormalization(
            axes: Array(axis..<type.rank), epsilon: try node.attributes.float("epsilon") ?? 1e-5)
        // From the back, so that the layer does not depend on the axes before.
        layer.axes = layer.axes.map { $0 - type.rank }
        layer.center = !node.lacks(2)
        guard let shape = Array(type.shape[axis...]).lengths else {
            throw FerryError(.shape, found: "input \(type.shape)", expected: "fixed axes from \(axis) on")
        }
        var parameters = ParameterSet()
        parameters["gamma"] = try stretched(node.constant(1, "scales"), to: shape)
        if layer.center { parameters["beta"] = try stretched(node.constant(2, "offsets"), to: shape) }
        let reader = node
        return [try node.inFloat32(x) { try reader.append(layer, [$0], parameters: parameters)[0] }]
    }

    private static func stretched(_ tensor: Tensor, to shape: [Int]) throws -> Tensor {
        guard broadcastShape(tensor.shape, shape) == shape else {
            throw FerryError(.shape, found: "parameters of shape \(tensor.shape)", expected: "\(shape)")
        }
        return tensor.cast(to: .float32).broadcast(to: shape)
    }
}

/// Dropout, which inference passes through.
extension Dropout: ONNXReadable {
    package static let readableOperators = ["Dropout"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        var rate = try node.attributes.float("ratio") ?? 0.5
        node.attributes.ignore("seed", "is_test", "consumed_inputs")
        if node.opset >= 12 {
            rate = try node.optional(1)?.tensor?.floats.first ?? 0.5
            if let training = try node.optional(2)?.tensor, training.ints.first ?? 0 != 0 {
                throw FerryError(.unsupported, found: "training_mode is true", expected: "false, inference")
            }
        }
        let x = try node.input(0)
        guard node.wants(1) else { return try node.append(Dropout(Double(rate)), [x]) }
        var operands: [ONNXOperand?] = []
        let shape = try node.integers(node.add(ShapeOf(), x), &operands)
        let mask = try node.append(Fill(Tensor(scalar: true), shape: shape), operands, suffix: "mask")[0]
        return [x, mask]
    }
}
