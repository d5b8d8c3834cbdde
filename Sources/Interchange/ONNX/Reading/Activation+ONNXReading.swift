import FerryEngine
package import FerryRuntime

extension Activation: ONNXReadable {
    package static let readableOperators = [
        "Relu", "LeakyRelu", "Elu", "Selu", "Celu", "Sigmoid", "HardSigmoid", "Tanh", "Softplus", "Softsign", "Gelu",
        "Mish",
        "HardSwish", "Swish", "ThresholdedRelu", "Shrink", "Exp", "Softmax", "LogSoftmax",
    ]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        node.attributes.ignore("consumed_inputs")
        let x = try node.input(0)
        let dtype = node.type(x).dtype
        switch node.node.opType {
        case "Relu" where !dtype.isFloat: return try node.append(Elementwise(.rectified), [x])
        case "Exp" where dtype != .float32: return try node.append(Elementwise(.exponential), [x])
        case "Softmax" where node.opset < 13, "LogSoftmax" where node.opset < 13: return [try flattened(&node, x)]
        case "Selu": return [try selu(&node, x)]
        case "Swish":
            let (alpha, reader) = (try node.attributes.float("alpha") ?? 1, node)
            if alpha != 1 { return [try node.inFloat32(x) { try ONNXSwiGLU.swish(reader, $0, alpha: alpha) }] }
            return [try node.inFloat32(x) { try reader.append(Activation(.silu), [$0])[0] }]
        default:
            let activation = Activation(try function(&node))
            if dtype == .float32 { return try node.append(activation, [x]) }
            guard dtype.isFloat else {
                throw FerryError(.dtype, found: "an input of \(dtype.rawValue)", expected: "floating-point numbers")
            }
            let reader = node
            return [try node.inFloat32(x) { try reader.add(activation, $0) }]
        }
    }

    private static func function(_ node: inout ONNXNodeReader) throws -> ActivationFunction {
        func alpha(_ value: Float) throws -> Float { try node.attributes.float("alpha") ?? value }
        switch node.node.opType {
        case "Relu": return .relu
        case "LeakyRelu": return .relu(slope: try alpha(0.01))
        case "Elu": return .elu(alpha: try alpha(1))
        case "Celu": return .celu(alpha: try alpha(1))
        case "Sigmoid": return .sigmoid
        case "HardSigmoid": return .hardSigmoid(slope: try alpha(0.2), offset: try node.attributes.float("beta") ?? 0.5)
        case "Tanh": return .tanh
        case "Softplus": return .softplus
        case "Softsign": return .softsign
        case "Gelu":
            return .gelu(
                approximate: try node.attributes.choice("approximate", ["none": false, "tanh": true], default: false))
        case "Mish": return .mish
        case "HardSwish": return .hardSilu
        case "Swish": return .silu
        case "ThresholdedRelu": return .thresholdedReLU(threshold: try alpha(1))
        case "Shrink": return try shrink(&node)
        case "Exp": return .exponential
        case "Softmax": return .softmax(axis: try node.attributes.int("axis") ?? -1)
        default: return .logSoftmax(axis: try node.attributes.int("axis") ?? -1)
        }
    }

    private static func shrink(_ node: inout ONNXNodeReader) throws -> ActivationFunction {
        let lambda = try node.attributes.float("lambd") ?? 0.5
        let bias = try node.attributes.float("bias") ?? 0
        guard bias == 0 || bias == lambda else {
            throw FerryError(
                .unsupported, at: ["attribute 'bias'"], found: "\(bias)",
                expected: "0 or the value of 'lambd', \(lambda)")
        }
        return bias == 0 ? .hardShrink(lambda: lambda) : .softShrink(lambda: lambda)
    }

    /// γ · elu(x, α): one function with its usual constants, else two.
    private static func selu(_ node: inout ONNXNodeReader, _ x: ONNXOperand) throws -> ONNXOperand {
        let alpha = try node.attributes.float("alpha") ?? 1.673_263_2
        let gamma = try node.attributes.float("gamma") ?? 1.050_701
        let isUsual = abs(alpha - 1.673_263_2) < 1e-4 && abs(gamma - 1.050_701) < 1e-4
        let reader = node
        return try node.inFloat32(x) { x in
            if isUsual { return try reader.append(Activation(.selu), [x])[0] }
            let bent = try reader.add(Activation(.elu(alpha: alpha)), x)
            return try reader.add(Arithmetic(.multiply), bent, reader.literal(Tensor(scalar: gamma)))
        }
    }

    /// Before version 13 all axes from the given one on were one line.
    private static func flattened(_ node: inout ONNXNodeReader, _ x: ONNXOperand) throws -> ONNXOperand {
        let rank = node.type(x).rank
        let axis = try checkedAxis(try node.attributes.int("axis") ?? 1, rank: rank)
        let function: ActivationFunction = node.node.opType == "Softmax" ? .softmax(axis: -1) : .logSoftmax(axis: -1)
        let reader = node
        return try node.inFloat32(x) { x in
            if axis == rank - 1 { return try reader.append(Activation(function), [x])[0] }
            let lengths = try reader.add(ShapeOf(), x)
            let leading = try reader.add(ShapeOf(start: 0, end: axis), x)
            var flat: [ONNXOperand?] = [x]
            let shape = try reader.integers(reader.add(Concatenate(axis: 0), leading, reader.literal([-1])), &flat)
            let lines = try reader.add(
                Activation(function), reader.append(TensorReshape(shape), flat, suffix: "Flatten")[0])
            var operands: [ONNXOperand?] = [lines]
            let original = reader.integers(lengths, &operands)
            return try reader.append(TensorReshape(original), operands, suffix: "Reshape")[0]
        }
    }
}

/// PRelu: the layer where the slopes are constant and fit it, else the elements of two products.
extension PReLU: ONNXReadable {
    package static let readableOperators = ["PRelu"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        node.attributes.ignore("consumed_inputs")
        let (x, slope) = (try node.input(0), try node.input(1))
        let type = node.type(x)
        if let alpha = slope.tensor, alpha.dtype == .float32, type.dtype == .float32, alpha.rank == type.rank - 1,
            zip(alpha.shape, type.shape.dropFirst()).allSatisfy({ $0 == 1 || .fixed($0) == $1 })
        {
            var parameters = ParameterSet()
            parameters["alpha"] = alpha
            let shared = alpha.shape.indices.filter { alpha.shape[$0] == 1 }.map { $0 + 1 }
            return try node.append(PReLU(sharedAxes: shared), [x], parameters: parameters)
        }
        let zero = node.literal(Tensor(scalar: Float(0)).cast(to: type.dtype))
        let bent = try node.add(Arithmetic(.multiply), x, slope)
        return [try node.add(Choice(), node.add(Comparison(.greater), x, zero), x, bent)]
    }
}
