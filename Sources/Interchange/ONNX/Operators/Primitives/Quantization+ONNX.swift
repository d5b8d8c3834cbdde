import FerryEngine
package import FerryRuntime

/// QuantizeLinear; the type of the output is that of the zero point, or an attribute's.
extension Quantize: ONNXReadable {
    package static let readableOperators = ["QuantizeLinear", "com.microsoft.QuantizeLinear"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        // Saturation is a question of eight-bit floats, which no tensor here has; the division is in float32.
        node.attributes.ignore("saturate", "precision")
        let stated = try node.attributes.int("output_dtype").flatMap { $0 == 0 ? nil : ONNXDataType($0) }
        let type = try stated?.dtype ?? node.optional(2).map { node.type($0).dtype } ?? .uint8
        if let stated, stated.dtype == nil {
            throw FerryError(
                .unsupported, at: ["attribute 'output_dtype'"], found: "elements of type \(stated)",
                expected: "integers of 8 bits or more")
        }
        return try node.append(
            Quantize(
                axis: node.attributes.int("axis") ?? 1, blockSize: node.attributes.int("block_size") ?? 0, to: type),
            node.inputs())
    }
}

extension Dequantize: ONNXUnary {
    package static let readableOperators = ["DequantizeLinear", "com.microsoft.DequantizeLinear"]

    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        let stated = try node.attributes.int("output_dtype") ?? 0
        return Dequantize(
            axis: try node.attributes.int("axis") ?? 1, blockSize: try node.attributes.int("block_size") ?? 0,
            to: stated == 0 ? nil : ONNXDataType(stated).dtype)
    }
}

extension IntegerMatMul: ONNXUnary {
    package static let readableOperators = ["MatMulInteger"]
    package static func operation(_ node: inout ONNXNodeReader) -> any Operator { IntegerMatMul() }
}

/// The operators that ONNX Runtime's quantisers write, all made of a few primitives.
enum ONNXQuantized: ONNXReadable {
    static let readableOperators = [
        "DynamicQuantizeLinear", "QLinearMatMul", "QLinearConv", "ConvInteger", "com.microsoft.MatMulIntegerToFloat",
        "com.microsoft.DynamicQuantizeMatMul", "com.microsoft.QLinearAdd", "com.microsoft.QLinearMul",
        "com.microsoft.QLinearSigmoid", "com.microsoft.QLinearLeakyRelu", "com.microsoft.QLinearConcat",
        "com.microsoft.QLinearSoftmax", "com.microsoft.QLinearGlobalAveragePool", "com.microsoft.QLinearAveragePool",
        "com.microsoft.QGemm",
    ]

    static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        switch node.node.opType {
        case "DynamicQuantizeLinear":
            let parts = try dynamic(node, node.input(0))
            return [parts.values, parts.scale, parts.zero]
        case "QLinearMatMul": return [try matMul(node)]
        case "QLinearConv", "ConvInteger": return [try convolution(&node)]
        case "MatMulIntegerToFloat": return [try toFloat(node, a: 0, b: 1, scales: (2, 3), zeros: (4, 5), bias: 6)]
        case "DynamicQuantizeMatMul": return [try dynamicMatMul(node)]
        case "QGemm": return [try gemm(&node)]
        default: return [try elementwise(&node)]
        }
    }

    // MARK: Parts

    /// x in eight bits with a scale and a zero point that hold its range, 0 included.
    static func dynamic(
        _ node: ONNXNodeReader, _ x: ONNXOperand
    ) throws -> (values: ONNXOperand, scale: ONNXOperand, zero: ONNXOperand) {
        let (none, highest) = (node.scalar(0, like: x), node.scalar(255, like: x))
        func reduced(_ function: Reduction.Function) throws -> ONNXOperand {
            try node.add(Reduction(function, axes: nil, keepsAxes: false), x)
        }
        let high = try node.append(Arithmetic(.maximum), [reduced(.maximum), none], suffix: "Max")[0]
        let low = try node.append(Arithmetic(.minimum), [reduced(.minimum), none], suffix: "Min")[0]
        let range = try node.minus(high, low)
        // As ONNX Runtime has it, all zeros have the scale 1.
        let isFlat = try node.add(Comparison(.equal), range, none)
        let scale = try node.add(Choice(), isFlat, node.scalar(1, like: x), node.over(range, highest))
        let place = try node.minus(none, node.over(low, scale))
        let bounded = try node.append(Clip(), [place, none, highest], suffix: "Clip")[0]
        let zero = try node.cast(node.apply(.round, bounded), to: .uint8)
        let values = try node.add(Quantize(axis: 1, blockSize: 0, to: .uint8), x, scale, zero)
        return (values, scale, zero)
    }

    /// The input as floats, with its scale and its zero point, which may be left out.
    private static func floats(_ node: ONNXNodeReader, _ x: Int, _ scale: Int, _ zero: Int, axis: Int = 1) throws
        -> ONNXOperand
    {
        let operands = [try node.input(x), try node.input(scale), try node.optional(zero)]
        return try node.append(Dequantize(axis: axis, blockSize: 0, to: nil), operands, suffix: "Dequantize")[0]
    }

    /// `y` in the integers that the zero point is of.
    private static func quantized(_ node: ONNXNodeReader, _ y: ONNXOperand, _ scale: Int, _ zero: Int) throws
        -> ONNXOperand
    {
        let zeroPoint = try node.optional(zero)
        let dtype = zeroPoint.map { node.type($0).dtype } ?? .uint8
        let quantize = Quantize(axis: 1, blockSize: 0, to: dtype)
        return try node.append(quantize, [y, node.input(scale), zeroPoint], suffix: "Quantize")[0]
    }

    /// The scale of rows or columns so that it broadcasts to the product.
    private static func aligned(_ node: ONNXNodeReader, _ scale: ONNXOperand, isRow: Bool) throws -> ONNXOperand {
        let type = node.type(scale)
        return isRow && type.rank == 1 && type.shape[0] != .fixed(1) ? try node.add(Unsqueeze([1]), scale) : scale
    }

    // MARK: Products

    private static func product(_ node: ONNXNodeReader, _ operands: [ONNXOperand?]) throws -> ONNXOperand {
        let sum = try node.append(IntegerMatMul(), operands, suffix: IntegerMatMul.kind)[0]
        return try node.cast(sum, to: .float32)
    }

    private static func matMul(_ node: ONNXNodeReader) throws -> ONNXOperand {
        let sum = try product(node, [node.input(0), node.input(3), node.input(2), node.input(5)])
        let scale = try node.times(
            aligned(node, node.cast(node.input(1), to: .float32), isRow: true), node.cast(node.input(4), to: .float32))
        return try quantized(node, node.times(sum, scale), 6, 7)
    }

    private static func toFloat(
        _ node: ONNXNodeReader, a: Int, b: Int, scales: (Int, Int), zeros: (Int, Int), bias: Int
    ) throws -> ONNXOperand {
        let sum = try product(node, [node.input(a), node.input(b), node.optional(zeros.0), node.optional(zeros.1)])
        let scale = try node.times(aligned(node, node.input(scales.0), isRow: true), node.input(scales.1))
        let y = try node.times(sum, scale)
        return try node.optional(bias).map { try node.plus(y, $0) } ?? y
    }

    private static func dynamicMatMul(_ node: ONNXNodeReader) throws -> ONNXOperand {
        let a = try dynamic(node, node.input(0))
        let sum = try product(node, [a.values, node.input(1), a.zero, node.optional(3)])
        let y = try node.times(sum, node.times(a.scale, node.input(2)))
        return try node.optional(4).map { try node.plus(y, $0) } ?? y
    }

    /// Both without scales and with: the convolution of integers less their zero points, which floats hold exactly.
    private static func convolution(_ node: inout ONNXNodeReader) throws -> ONNXOperand {
        let hasScales = node.node.opType == "QLinearConv"
        let (x, w) = (0, hasScales ? 3 : 1)
        let zeros = hasScales ? (2, 5) : (2, 3)
        let weights = node.type(try node.input(w))
        guard weights.rank >= 3,
            let lengths = try node.attributes.ints("kernel_shape") ?? Array(weights.shape.dropFirst(2)).lengths
        else { throw FerryError(.shape, found: "weights \(weights)", expected: "[output channels, channels, …]") }
        let window = try Window(&node.attributes, lengths: lengths)
        let groups = try node.attributes.int("group") ?? 1
        let one = node.literal(Tensor(scalar: Float(1)))
        func centred(_ index: Int, _ zero: Int, axis: Int) throws -> ONNXOperand {
            var scale = one
            if let point = try node.optional(zero), node.type(point).rank == 1 {
                var operands: [ONNXOperand?] = []
                let shape = node.integers(try node.add(ShapeOf(), point), &operands)
                scale = try node.append(Fill(Tensor(scalar: Float(1)), shape: shape), operands, suffix: "Fill")[0]
            }
            let wide = Dequantize(axis: axis, blockSize: 0, to: .float64)
            return try node.append(wide, [node.input(index), scale, node.optional(zero)], suffix: "Dequantize")[0]
        }
        let operands = [try centred(x, zeros.0, axis: 1), try centred(w, zeros.1, axis: 0)]
        var sum = try node.append(Convolution(window, groups: groups), operands, suffix: "Convolution")[0]
        guard hasScales else { return try node.cast(sum, to: .int32) }
        sum = try node.cast(sum, to: .float32)
        if let bias = try node.optional(8) {
            sum = try node.plus(sum, node.perChannel(node.cast(bias, to: .float32), rank: weights.rank))
        }
        let weightScale = try node.input(4)
        let channels = node.type(weightScale).rank == 1 && node.type(weightScale).shape[0] != .fixed(1)
        let scale = try node.times(
            node.input(1), channels ? node.perChannel(weightScale, rank: weights.rank) : weightScale)
        return try quantized(node, node.times(sum, scale), 6, 7)
    }

    /// α A′·B′ + C, whose C is in the scale of the product.
    private static func gemm(_ node: inout ONNXNodeReader) throws -> ONNXOperand {
        let alpha = try node.attributes.float("alpha") ?? 1
        let transposes = (
            try node.attributes.flag("transA", default: false), try node.attributes.flag("transB", default: false)
        )
        func turned(_ index: Int, _ isTurned: Bool) throws -> ONNXOperand {
            try isTurned ? node.add(Transpose([1, 0]), node.input(index)) : node.input(index)
        }
        let (a, b) = (try turned(0, transposes.0), try turned(3, transposes.1))
        var sum = try product(node, [a, b, node.optional(2), node.optional(5)])
        if let bias = try node.optional(6) { sum = try node.plus(sum, node.cast(bias, to: .float32)) }
        var y = try node.times(sum, node.times(node.input(1), node.input(4)))
        if alpha != 1 { y = try node.times(y, node.scalar(alpha, like: y)) }
        return node.lacks(7) ? y : try quantized(node, y, 7, 8)
    }

    // MARK: Elements

    private static func elementwise(_ node: inout ONNXNodeReader) throws -> ONNXOperand {
        switch node.node.opType {
        case "QLinearAdd", "QLinearMul":
            let (a, b) = (try floats(node, 0, 1, 2), try floats(node, 3, 4, 5))
            let y = try node.node.opType == "QLinearAdd" ? node.plus(a, b) : node.times(a, b)
            return try quantized(node, y, 6, 7)
        case "QLinearConcat":
            let axis = try node.attributes.int("axis") ?? 0
            let parts = try stride(from: 2, to: node.node.inputs.count, by: 3).map {
                try floats(node, $0, $0 + 1, $0 + 2)
            }
            return try quantized(node, node.append(Concatenate(axis: axis), parts, suffix: "Concatenate")[0], 0, 1)
        default:
            let x = try floats(node, 0, 1, 2)
            return try quantized(node, function(&node, x), 3, 4)
        }
    }

    private static func function(_ node: inout ONNXNodeReader, _ x: ONNXOperand) throws -> ONNXOperand {
        switch node.node.opType {
        case "QLinearSigmoid": return try node.add(Activation(.sigmoid), x)
        case "QLinearLeakyRelu":
            return try node.add(Activation(.relu(slope: node.attributes.float("alpha") ?? 0.01)), x)
        case "QLinearSoftmax":
            node.attributes.ignore("opset")
            return try node.add(Activation(.softmax(axis: node.attributes.int("axis") ?? -1)), x)
        case "QLinearGlobalAveragePool":
            guard try !node.attributes.flag("channels_last", default: false) else {
                throw FerryError(.unsupported, at: ["attribute 'channels_last'"], found: "1", expected: "0")
            }
            return try node.add(Pooling(.average(countsPadding: false), window: nil), x)
        default:
            guard let lengths = try node.attributes.ints("kernel_shape"),
                try !node.attributes.flag("channels_last", default: false)
            else { throw FerryError(.missingKey, found: "no attribute 'kernel_shape'", expected: "the window") }
            var window = try Window(&node.attributes, lengths: lengths)
            window.roundsUp = try node.attributes.flag("ceil_mode", default: false)
            let counts = try node.attributes.flag("count_include_pad", default: false)
            return try node.add(Pooling(.average(countsPadding: counts), window: window), x)
        }
    }
}
