import FerryEngine
import FerryRuntime

/// The normalisations that are formulas of primitives, all computed in float32.
enum ONNXNormalization: ONNXReadable {
    static let readableOperators = [
        "RMSNormalization", "SimplifiedLayerNormalization", "GroupNormalization", "InstanceNormalization",
        "MeanVarianceNormalization", "LpNormalization", "LRN",
        "com.microsoft.SkipLayerNormalization", "com.microsoft.SkipSimplifiedLayerNormalization",
    ]

    static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        switch node.node.opType {
        case "RMSNormalization", "SimplifiedLayerNormalization": return try rootMeanSquare(&node)
        case "GroupNormalization": return [try group(&node)]
        case "InstanceNormalization": return [try instance(&node)]
        case "MeanVarianceNormalization": return [try meanVariance(&node)]
        case "LpNormalization": return [try norm(&node)]
        case "LRN": return [try localResponse(&node)]
        default: return try skip(&node)
        }
    }

    /// (x − mean) / √(variance + ε) · scale + offset along `axes`; also the mean and 1 / √(variance + ε).
    static func centred(
        _ node: ONNXNodeReader, _ x: ONNXOperand, axes: [Int], epsilon: Float, scale: ONNXOperand?,
        offset: ONNXOperand?
    ) throws -> (y: ONNXOperand, mean: ONNXOperand, inverse: ONNXOperand) {
        let mean = try node.mean(x, axes)
        let distance = try node.minus(x, mean)
        let variance = try node.mean(node.times(distance, distance), axes)
        let inverse = try node.apply(
            .reciprocal, node.apply(.squareRoot, node.plus(variance, node.scalar(epsilon, like: x))))
        var y = try node.times(distance, inverse)
        if let scale { y = try node.times(y, node.cast(scale, to: .float32)) }
        if let offset { y = try node.plus(y, node.cast(offset, to: .float32)) }
        return (y, mean, inverse)
    }

    /// x / √(mean of x² + ε) · scale; also 1 / √(mean of x² + ε).
    private static func rooted(
        _ node: ONNXNodeReader, _ x: ONNXOperand, axes: [Int], epsilon: Float, scale: ONNXOperand
    ) throws -> (y: ONNXOperand, inverse: ONNXOperand) {
        let power = try node.mean(node.times(x, x), axes)
        let inverse = try node.apply(
            .reciprocal, node.apply(.squareRoot, node.plus(power, node.scalar(epsilon, like: x))))
        return (try node.times(node.times(x, inverse), node.cast(scale, to: .float32)), inverse)
    }

    private static func rootMeanSquare(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        node.attributes.ignore("stash_type")
        let input = try node.input(0)
        let type = node.type(input)
        let axis = try checkedAxis(try node.attributes.int("axis") ?? -1, rank: type.rank)
        let epsilon = try node.attributes.float("epsilon") ?? 1e-5
        let (y, inverse) = try rooted(
            node, node.cast(input, to: .float32), axes: Array(axis..<type.rank), epsilon: epsilon, scale: node.input(1))
        return [try node.cast(y, to: type.dtype), inverse]
    }

    private static func group(_ node: inout ONNXNodeReader) throws -> ONNXOperand {
        node.attributes.ignore("stash_type")
        let x = try node.input(0)
        let (type, epsilon) = (node.type(x), try node.attributes.float("epsilon") ?? 1e-5)
        guard let groups = try node.attributes.int("num_groups"), groups > 0, type.rank >= 2 else {
            throw FerryError(.missingKey, found: "no attribute 'num_groups'", expected: "a positive number")
        }
        let wide = try node.cast(x, to: .float32)
        let parts = try node.reshaped(wide, [0, groups, -1])
        var y = try centred(node, parts, axes: [2], epsilon: epsilon, scale: nil, offset: nil).y
        // Before version 21 scale and offset belonged to the groups.
        let isPerGroup = node.opset < 21
        if isPerGroup { y = try scaled(node, y, rank: 3) }
        y = try node.reshaped(y, like: wide)
        return try node.cast(isPerGroup ? y : scaled(node, y, rank: type.rank), to: type.dtype)
    }

    private static func scaled(_ node: ONNXNodeReader, _ y: ONNXOperand, rank: Int) throws -> ONNXOperand {
        let scale = try node.perChannel(node.cast(node.input(1), to: .float32), rank: rank)
        let offset = try node.perChannel(node.cast(node.input(2), to: .float32), rank: rank)
        return try node.plus(node.times(y, scale), offset)
    }

    private static func instance(_ node: inout ONNXNodeReader) throws -> ONNXOperand {
        node.attributes.ignore("consumed_inputs")
        let x = try node.input(0)
        let (type, epsilon) = (node.type(x), try node.attributes.float("epsilon") ?? 1e-5)
        guard type.rank >= 3 else {
            throw FerryError(.shape, found: "input \(type)", expected: "[batch, channels, …]")
        }
        let wide = try node.cast(x, to: .float32)
        let y = try centred(node, wide, axes: Array(2..<type.rank), epsilon: epsilon, scale: nil, offset: nil).y
        return try node.cast(scaled(node, y, rank: type.rank), to: type.dtype)
    }

    /// As the standard's formula has it: the deviation from E[x²] − E[x]², and 1e-9 added to it.
    private static func meanVariance(_ node: inout ONNXNodeReader) throws -> ONNXOperand {
        let axes = try node.attributes.ints("axes") ?? [0, 2, 3]
        let reader = node
        return try node.inFloat32(node.input(0)) { x in
            let mean = try reader.mean(x, axes)
            let square = try reader.mean(reader.times(x, x), axes)
            let deviation = try reader.apply(.squareRoot, reader.minus(square, reader.times(mean, mean)))
            return try reader.over(reader.minus(x, mean), reader.plus(deviation, reader.scalar(1e-9, like: x)))
        }
    }

    /// x over its norm along an axis; zero where that is zero.
    private static func norm(_ node: inout ONNXNodeReader) throws -> ONNXOperand {
        let axis = try node.attributes.int("axis") ?? -1
        let p = try node.attributes.int("p") ?? 2
        guard p == 1 || p == 2 else {
            throw FerryError(.unsupported, at: ["attribute 'p'"], found: "\(p)", expected: "1 or 2")
        }
        let x = try node.input(0)
        let norm = try node.add(Reduction(p == 1 ? .sumOfAbsolutes : .rootOfSquares, axes: .known([axis])), x)
        let zero = node.scalar(0, like: x)
        return try node.add(Choice(), node.add(Comparison(.equal), norm, zero), zero, node.over(x, norm))
    }

    /// x / (bias + α / size · sum of squares of the channels around)^β.
    private static func localResponse(_ node: inout ONNXNodeReader) throws -> ONNXOperand {
        let size = try node.attributes.int("size") ?? 0
        let (alpha, beta) = (try node.attributes.float("alpha") ?? 1e-4, try node.attributes.float("beta") ?? 0.75)
        let bias = try node.attributes.float("bias") ?? 1
        guard 1...1024 ~= size else {
            throw FerryError(.range, at: ["attribute 'size'"], found: "\(size)", expected: "1 to 1024")
        }
        let reader = node
        return try node.inFloat32(node.input(0)) { x in
            let before = (size - 1) / 2
            let pad = Pad(.constant, pads: .known([before, size - 1 - before]), axes: .known([1]))
            let squares = try reader.add(pad, reader.times(x, x))
            let parts = try (0..<size).map { k in
                let end = k == size - 1 ? Int(Int32.max) : k + 1 - size
                let slice = Slice(starts: .known([k]), ends: .known([end]), axes: .known([1]))
                return try reader.add(slice, squares)
            }
            let sum = try reader.append(Arithmetic(.sum), parts, suffix: "Sum")[0]
            let scaled = try reader.times(sum, reader.scalar(alpha / Float(size), like: x))
            let base = try reader.plus(scaled, reader.scalar(bias, like: x))
            return try reader.over(x, reader.add(Arithmetic(.power), base, reader.scalar(beta, like: x)))
        }
    }

    /// A normalisation of the sum of two inputs and a bias, which is an output too.
    private static func skip(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let isSimplified = node.node.opType == "SkipSimplifiedLayerNormalization"
        let input = try node.input(0)
        let type = node.type(input)
        let epsilon = try node.attributes.float("epsilon") ?? 1e-12
        var sum = try node.plus(node.cast(input, to: .float32), node.cast(node.input(1), to: .float32))
        if let bias = try node.optional(isSimplified ? 3 : 4) {
            sum = try node.plus(sum, node.cast(bias, to: .float32))
        }
        let y: ONNXOperand
        if isSimplified {
            y = try rooted(node, sum, axes: [-1], epsilon: epsilon, scale: node.input(2)).y
        } else {
            y = try centred(node, sum, axes: [-1], epsilon: epsilon, scale: node.input(2), offset: node.optional(3)).y
        }
        return [try node.cast(y, to: type.dtype), nil, nil, try node.cast(sum, to: type.dtype)]
    }
}
