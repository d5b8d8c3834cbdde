import FerryEngine
package import FerryRuntime

/// BatchNormalization in inference, along axis 1.
extension BatchNormalization: ONNXReadable {
    package static let readableOperators = ["BatchNormalization"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let epsilon = try node.attributes.float("epsilon") ?? 1e-5
        let momentum = try node.attributes.float("momentum") ?? 0.9
        let isTraining = try node.attributes.flag("training_mode", default: false)
        // Versions 1 and 7 told training from inference in other words.
        node.attributes.ignore("is_test", "consumed_inputs")
        guard try node.attributes.int("spatial") ?? 1 == 1 else {
            throw FerryError(.unsupported, at: ["attribute 'spatial'"], found: "0", expected: "1")
        }
        if try isTraining || (1...4).contains(where: { try node.input($0).tensor == nil }) {
            return try computed(node, epsilon: epsilon, momentum: isTraining ? momentum : nil)
        }
        try node.refuseOutputs(from: 1, "inference, which has one output")
        guard try (1...4).allSatisfy({ try node.input($0).tensor != nil }) else {
            return [try computed(node, epsilon: epsilon)]
        }
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

    /// With parameters that are computed; and training, which normalises by what the batch itself is like and lets the
    /// moving mean and variance follow.
    private static func computed(
        _ node: ONNXNodeReader, epsilon: Float, momentum: Float?
    ) throws -> [ONNXOperand?] {
        let type = node.type(try node.input(0))
        let x = try node.cast(node.input(0), to: .float32)
        let given = try (1...4).map { try node.cast(node.input($0), to: .float32) }
        var (mean, variance) = (
            try node.perChannel(given[2], rank: type.rank), try node.perChannel(given[3], rank: type.rank)
        )
        var moving: [ONNXOperand?] = []
        if let momentum {
            let axes = (0..<type.rank).filter { $0 != 1 }
            mean = try node.mean(x, axes)
            let distance = try node.minus(x, mean)
            variance = try node.mean(node.times(distance, distance), axes)
            moving = try zip([mean, variance], [(3, given[2]), (4, given[3])]).map { new, old in
                let vector = try node.reshaped(new, [-1])
                let sum = try node.plus(
                    node.times(old.1, node.scalar(momentum, like: x)),
                    node.times(vector, node.scalar(1 - momentum, like: x)))
                return try node.cast(sum, to: node.type(node.input(old.0)).dtype)
            }
        }
        let deviation = try node.apply(.squareRoot, node.plus(variance, node.scalar(epsilon, like: x)))
        let normal = try node.over(node.minus(x, mean), deviation)
        let (scale, offset) = (
            try node.perChannel(given[0], rank: type.rank), try node.perChannel(given[1], rank: type.rank)
        )
        return [try node.cast(node.plus(node.times(normal, scale), offset), to: type.dtype)] + moving
    }
}

extension BatchNormalization {
    /// With parameters that are computed: (x − mean) / √(variance + ε) · γ + β, element by element.
    private static func computed(_ node: ONNXNodeReader, epsilon: Float) throws -> ONNXOperand {
        let x = try node.input(0)
        let axes = [0] + Array(2..<max(2, node.type(x).rank))
        func spread(_ index: Int) throws -> ONNXOperand {
            try node.add(Unsqueeze(axes), node.cast(node.input(index), to: .float32))
        }
        return try node.inFloat32(x) { x in
            let centered = try node.add(Arithmetic(.subtract), x, spread(3))
            let variance = try node.add(Arithmetic(.add), spread(4), node.literal(Tensor(scalar: epsilon)))
            let deviation = try node.add(Elementwise(.squareRoot), variance)
            let standardized = try node.add(Arithmetic(.divide), centered, deviation)
            return try node.add(
                Arithmetic(.add), node.add(Arithmetic(.multiply), standardized, spread(1)), spread(2))
        }
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
        let epsilon = try node.attributes.float("epsilon") ?? 1e-5
        let isLayer = try node.input(1).tensor != nil && node.optional(2).map { $0.tensor != nil } ?? true
        guard isLayer, !node.wants(1), !node.wants(2), Array(type.shape[axis...]).lengths != nil else {
            let (y, mean, inverse) = try ONNXNormalization.centred(
                node, node.cast(x, to: .float32), axes: Array(axis..<type.rank), epsilon: epsilon,
                scale: node.input(1), offset: node.optional(2))
            return [try node.cast(y, to: type.dtype), mean, inverse]
        }
        var layer = LayerNormalization(axes: Array(axis..<type.rank), epsilon: epsilon)
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
