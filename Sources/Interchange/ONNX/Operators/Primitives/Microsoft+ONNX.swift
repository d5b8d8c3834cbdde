import FerryEngine
import FerryRuntime

/// The operators that ONNX Runtime's optimiser fuses others to.
enum ONNXFused: ONNXReadable {
    static let readableOperators = ["FusedMatMul", "Gelu", "FastGelu", "BiasGelu", "FusedGemm"].map {
        "com.microsoft.\($0)"
    }

    static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        switch node.node.opType {
        case "FusedMatMul": return [try product(&node)]
        case "FusedGemm": return [try gemm(&node)]
        default: return [try gelu(node)]
        }
    }

    private static func gelu(_ node: ONNXNodeReader) throws -> ONNXOperand {
        var x = try node.input(0)
        if let bias = try node.optional(1) { x = try node.plus(x, bias) }
        let activation = Activation(.gelu(approximate: node.node.opType == "FastGelu"))
        return try node.inFloat32(x) { try node.append(activation, [$0])[0] }
    }

    /// α A′·B′, where A′ and B′ may be transposed.
    private static func product(_ node: inout ONNXNodeReader) throws -> ONNXOperand {
        let alpha = try node.attributes.float("alpha") ?? 1
        guard try !node.attributes.flag("transBatchA", default: false),
            try !node.attributes.flag("transBatchB", default: false)
        else {
            throw FerryError(.unsupported, at: ["attribute 'transBatchA' or 'transBatchB'"], found: "1", expected: "0")
        }
        let operands = try [("transA", 0), ("transB", 1)].map { name, index -> ONNXOperand in
            let operand = try node.input(index)
            let rank = node.type(operand).rank
            guard try node.attributes.flag(name, default: false), rank > 1 else { return operand }
            return try node.add(Transpose(Array(0..<(rank - 2)) + [rank - 1, rank - 2]), operand)
        }
        let y = try node.append(MatMul(), operands, suffix: alpha == 1 ? "" : MatMul.kind)[0]
        return alpha == 1 ? y : try node.times(y, node.scalar(alpha, like: y))
    }

    private static func gemm(_ node: inout ONNXNodeReader) throws -> ONNXOperand {
        guard let name = try node.attributes.text("activation") else {
            throw FerryError(.missingKey, found: "no attribute 'activation'", expected: "a function")
        }
        var activation = ONNXActivation(name)
        activation.alpha = try node.attributes.float("activation_alpha")
        activation.beta = try node.attributes.float("activation_beta")
        guard let function = ActivationFunction(onnxRecurrent: activation) else {
            throw FerryError(.range, at: ["attribute 'activation'"], found: "'\(name)'", expected: "one of ONNX's")
        }
        let operation = try Gemm.operation(&node)
        let reader = node
        let y = try reader.append(operation, reader.inputs(), suffix: Gemm.kind)[0]
        return try reader.inFloat32(y) { try reader.append(Activation(function), [$0])[0] }
    }
}
