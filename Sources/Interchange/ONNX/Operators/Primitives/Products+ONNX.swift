import FerryEngine
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

extension Einsum: ONNXUnary {
    package static let readableOperators = ["Einsum"]

    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        try Einsum(node.attributes.text("equation") ?? "")
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
    package static let readableOperators = [
        "MaxPool", "AveragePool", "LpPool", "GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool",
    ]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let name = node.node.opType
        let isColumnMajor = try node.attributes.flag("storage_order", default: false)
        let function = try function(&node)
        if name.hasPrefix("Global") { return try node.append(Pooling(function, window: nil), node.inputs()) }
        guard let lengths = try node.attributes.ints("kernel_shape") else {
            throw FerryError(.missingKey, found: "no attribute 'kernel_shape'", expected: "the window")
        }
        var window = try Window(&node.attributes, lengths: lengths)
        window.roundsUp = try node.attributes.flag("ceil_mode", default: false)
        if node.wants(1) {
            return try node.append(IndexedPooling(window: window, isColumnMajor: isColumnMajor), node.inputs())
        }
        return try node.append(Pooling(function, window: window), node.inputs())
    }

    private static func function(_ node: inout ONNXNodeReader) throws -> Function {
        let name = node.node.opType
        if name.hasSuffix("MaxPool") { return .maximum }
        if name.hasSuffix("LpPool") {
            // A whole number since version 2.
            return .norm(try node.opset < 2 ? node.attributes.float("p") ?? 2 : Float(node.attributes.int("p") ?? 2))
        }
        return .average(countsPadding: try node.attributes.flag("count_include_pad", default: false))
    }
}

extension Unpooling: ONNXReadable {
    package static let readableOperators = ["MaxUnpool"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        guard let lengths = try node.attributes.ints("kernel_shape") else {
            throw FerryError(.missingKey, found: "no attribute 'kernel_shape'", expected: "the window")
        }
        let window = try Window(&node.attributes, lengths: lengths)
        var operands: [ONNXOperand?] = [try node.input(0), try node.input(1)]
        let shape = try node.integers(2, &operands)
        return try node.append(Unpooling(window: window, shape: shape), operands)
    }
}

extension Window {
    init(_ attributes: inout ONNXAttributes, lengths: [Int]) throws {
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
    package static let readableOperators = ["CumSum", "CumProd"]

    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        CumulativeSum(
            isExclusive: try node.attributes.flag("exclusive", default: false),
            isReversed: try node.attributes.flag("reverse", default: false),
            isProduct: node.node.opType == "CumProd")
    }
}

// MARK: - Writing

/// MatMul.
extension MatMul: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        try emitWideNode("MatMul", inputs, into: &emitter)
    }
}

/// Gemm.
extension Gemm: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let attributes = [
            ONNXAttribute("alpha", .float(alpha)), ONNXAttribute("beta", .float(beta)),
            ONNXAttribute("transA", .int(transposesA ? 1 : 0)), ONNXAttribute("transB", .int(transposesB ? 1 : 0)),
        ]
        return try emitWideNode("Gemm", inputs, attributes, into: &emitter)
    }
}

/// Einsum.
extension Einsum: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        try emitWideNode("Einsum", inputs, [ONNXAttribute("equation", .text(equation))], into: &emitter)
    }
}

/// Conv.
extension Convolution: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let x = emitter.slide(window, over: emitter.float32(inputs[0]), inputs[0].type.shape)
        let operands = [x.name] + inputs.dropFirst(1).present.map { emitter.float32($0) }
        let attributes = x.attributes + [ONNXAttribute("group", .int(groups))]
        let y = emitter.apply("Conv", operands, outputs: [true], attributes: attributes)[0]
        return try signals(emitter.cast(y, from: .float32, to: inputs[0].type.dtype), for: inputs)
    }
}

/// MaxPool, AveragePool, GlobalMaxPool or GlobalAveragePool.
extension Pooling: ONNXWritable {
    package func onnxObstacles(_ name: String, opset: Int) -> [String] {
        if case .norm = function { return ["'\(name)' (LpPool)"] }
        guard function != .maximum, let window, opset < 19, window.dilations.contains(where: { $0 != 1 }) else {
            return []
        }
        return ["'\(name)' (average pooling with dilation, before opset 19)"]
    }

    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let x = emitter.float32(inputs[0])
        let y =
            window.map { emitter.pool(x, inputs[0].type.shape, function, $0) }
            ?? emitter.apply(function == .maximum ? "GlobalMaxPool" : "GlobalAveragePool", x)
        return try signals(emitter.cast(y, from: .float32, to: inputs[0].type.dtype), for: inputs)
    }
}

/// One operator; where it reduces nothing, it does so along a new axis.
extension Reduction: ONNXWritable {
    package func onnxObstacles(_ name: String, opset: Int) -> [String] {
        let takesAxes = axes?.slot == nil || function == .sum || opset >= 18
        return takesAxes ? [] : ["'\(name)' (\(onnxOperator) along computed axes, before opset 18)"]
    }

    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let (x, rank) = (emitter.widened(inputs[0]), inputs[0].type.rank)
        let y: String
        if let axes, axes.slot != nil {
            y = emitter.apply(
                onnxOperator, x, try emitter.integers(axes, of: inputs),
                attributes: [
                    "keepdims": .int(keepsAxes ? 1 : 0), "noop_with_empty_axes": .int(keepsWithoutAxes ? 1 : 0),
                ])
        } else {
            var reduced = try checkedAxes(axes?.values ?? [], rank: rank)
            if reduced.isEmpty && !keepsWithoutAxes { reduced = Array(0..<rank) }
            y =
                reduced.isEmpty
                ? emitter.reduce(onnxOperator, emitter.unsqueeze(x, [0]), axes: [0], keepsAxes: false)
                : emitter.reduce(onnxOperator, x, axes: reduced, keepsAxes: keepsAxes)
        }
        return try signals(emitter.narrowed(y, to: inputs[0].type.dtype), for: inputs)
    }

    private var onnxOperator: String { Self.functions.first { $0.value == function }?.key ?? "ReduceSum" }
}

/// ArgMax or ArgMin.
extension ArgExtremum: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        var attributes = [ONNXAttribute("axis", .int(axis)), ONNXAttribute("keepdims", .int(keepsAxis ? 1 : 0))]
        if takesLast { attributes.append(ONNXAttribute("select_last_index", .int(1))) }
        let op = largest ? "ArgMax" : "ArgMin"
        return try emitNode(op, [emitter.widened(inputs[0])], inputs, attributes, &emitter)
    }
}

/// CumSum.
extension CumulativeSum: ONNXWritable {
    package func onnxObstacles(_ name: String, opset: Int) -> [String] { isProduct ? ["'\(name)' (CumProd)"] : [] }

    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let axis = emitter.withoutAxes(emitter.indices(inputs[1]), inputs[1].type)
        let y = emitter.apply(
            "CumSum", emitter.widened(inputs[0]), axis,
            attributes: ["exclusive": .int(isExclusive ? 1 : 0), "reverse": .int(isReversed ? 1 : 0)])
        return try signals(emitter.narrowed(y, to: inputs[0].type.dtype), for: inputs)
    }
}
