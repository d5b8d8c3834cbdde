package import FerryEngine
package import FerryRuntime

extension MatMul: ONNXUnary {
    package static let readableOperators = ["MatMul"]
    package static func operation(_ node: inout ONNXNodeReader) -> any Operator { MatMul() }
}

extension Gemm: ONNXUnary {
    package static let readableOperators = ["Gemm"]

    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        if node.opset < 7 { node.attributes.ignore("broadcast") }
        return Gemm(
            alpha: try node.attributes.float("alpha") ?? 1, beta: try node.attributes.float("beta") ?? 1,
            transposesA: try node.attributes.flag("transA", default: false),
            transposesB: try node.attributes.flag("transB", default: false))
    }
}

extension Convolution: ONNXReadable {
    package static let readableOperators = ["Conv"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let weights = node.type(try node.input(1))
        let stated = try node.attributes.ints("kernel_shape")
        guard weights.rank >= 3, let lengths = stated ?? Array(weights.shape.dropFirst(2)).lengths else {
            throw FerryError(
                .shape, found: "weights \(weights.shape)",
                expected: "[output channels, channels / groups] and the window")
        }
        let window = try Window(&node.attributes, lengths: lengths)
        return try node.append(Convolution(window, groups: node.attributes.int("group") ?? 1), node.inputs())
    }
}

extension Pooling: ONNXReadable {
    package static let readableOperators = ["MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let name = node.node.opType
        try node.refuseOutputs(from: 1, "a pooling whose indices nobody reads")
        node.attributes.ignore("storage_order")
        let countsPadding = try node.attributes.flag("count_include_pad", default: false)
        let function = name.hasSuffix("MaxPool") ? Function.maximum : .average(countsPadding: countsPadding)
        if name.hasPrefix("Global") { return try node.append(Pooling(function, window: nil), node.inputs()) }
        guard let lengths = try node.attributes.ints("kernel_shape") else {
            throw FerryError(.missingKey, found: "no attribute 'kernel_shape'", expected: "the window")
        }
        var window = try Window(&node.attributes, lengths: lengths)
        window.roundsUp = try node.attributes.flag("ceil_mode", default: false)
        return try node.append(Pooling(function, window: window), node.inputs())
    }
}

extension Window {
    fileprivate init(_ attributes: inout ONNXAttributes, lengths: [Int]) throws {
        self.init(
            lengths: lengths, strides: try attributes.ints("strides") ?? [],
            dilations: try attributes.ints("dilations") ?? [],
            pads: try attributes.ints("pads") ?? [])
        automaticPadding = try attributes.choice(
            "auto_pad", ["NOTSET": .none, "SAME_UPPER": .sameUpper, "SAME_LOWER": .sameLower, "VALID": .valid],
            default: .none)
        try validate()
    }
}

extension Reduction: ONNXReadable {
    package static let readableOperators = Array(functions.keys)
    private static let functions: [String: Function] = [
        "ReduceSum": .sum, "ReduceMean": .mean, "ReduceMax": .maximum, "ReduceMin": .minimum, "ReduceProd": .product,
        "ReduceL1": .sumOfAbsolutes, "ReduceL2": .rootOfSquares, "ReduceSumSquare": .sumOfSquares,
        "ReduceLogSum": .logarithmOfSum, "ReduceLogSumExp": .logarithmOfExponentialSum,
    ]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let function = functions[node.node.opType] ?? .sum
        var operands: [ONNXOperand?] = [try node.input(0)]
        let axes = try node.integers("axes", orInput: 1, since: function == .sum ? 13 : 18, &operands)
        let keepsAxes = try node.attributes.flag("keepdims", default: true)
        let keepsWithoutAxes = try node.attributes.flag("noop_with_empty_axes", default: false)
        let reduction = Reduction(function, axes: axes, keepsAxes: keepsAxes, keepsWithoutAxes: keepsWithoutAxes)
        return try node.append(reduction, operands)
    }
}

extension ArgExtremum: ONNXUnary {
    package static let readableOperators = ["ArgMax", "ArgMin"]

    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        ArgExtremum(
            largest: node.node.opType == "ArgMax", axis: try node.attributes.int("axis") ?? 0,
            keepsAxis: try node.attributes.flag("keepdims", default: true),
            takesLast: try node.attributes.flag("select_last_index", default: false))
    }
}

extension CumulativeSum: ONNXUnary {
    package static let readableOperators = ["CumSum"]

    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        CumulativeSum(
            isExclusive: try node.attributes.flag("exclusive", default: false),
            isReversed: try node.attributes.flag("reverse", default: false))
    }
}
