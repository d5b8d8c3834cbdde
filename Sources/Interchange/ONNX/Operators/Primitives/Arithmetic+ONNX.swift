import FerryEngine
package import FerryRuntime

extension Arithmetic: ONNXReadable {
    package static let readableOperators = ["Mod"] + functions.keys
    private static let functions: [String: Function] = [
        "Add": .add, "Sub": .subtract, "Mul": .multiply, "Div": .divide, "Pow": .power, "Min": .minimum,
        "Max": .maximum,
        "Sum": .sum, "Mean": .mean,
    ]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let isTruncated = try node.attributes.flag("fmod", default: false)
        node.attributes.ignore("consumed_inputs")
        let function = functions[node.node.opType] ?? (isTruncated ? .truncatedRemainder : .flooredRemainder)
        var operands = try node.inputs()
        if node.opset < 7, operands.count == 2 { operands[1] = try aligned(&node, operands) }
        return try node.append(Arithmetic(function), operands)
    }

    /// Before version 7 the second input was aligned with the first from an axis on, where an attribute said so.
    private static func aligned(_ node: inout ONNXNodeReader, _ operands: [ONNXOperand?]) throws -> ONNXOperand? {
        _ = try node.attributes.int("broadcast")
        guard let axis = try node.attributes.int("axis"), let a = operands[0], let b = operands[1] else {
            return operands[1]
        }
        let trailing = node.type(a).rank - (axis < 0 ? axis + node.type(a).rank : axis) - node.type(b).rank
        guard trailing > 0 else { return b }
        let rank = node.type(b).rank
        return try node.add(Unsqueeze(Array(rank..<(rank + trailing))), b)
    }
}

extension Elementwise: ONNXReadable {
    package static let readableOperators = Array(functions.keys)
    private static let functions: [String: Function] = [
        "Neg": .negate, "Abs": .absolute, "Sign": .sign, "Sqrt": .squareRoot, "Log": .logarithm, "Erf": .errorFunction,
        "Reciprocal": .reciprocal, "Floor": .floor, "Ceil": .ceiling, "Round": .round, "Sin": .sine, "Cos": .cosine,
        "Tan": .tangent, "Asin": .arcsine, "Acos": .arccosine, "Atan": .arctangent, "Sinh": .hyperbolicSine,
        "Cosh": .hyperbolicCosine, "Asinh": .areaSine, "Acosh": .areaCosine, "Atanh": .areaTangent,
    ]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        node.attributes.ignore("consumed_inputs")
        return try node.append(Elementwise(functions[node.node.opType] ?? .negate), node.inputs())
    }
}

extension Comparison: ONNXReadable {
    package static let readableOperators = Array(relations.keys)
    private static let relations: [String: Relation] = [
        "Equal": .equal, "Greater": .greater, "GreaterOrEqual": .greaterOrEqual, "Less": .less,
        "LessOrEqual": .lessOrEqual,
    ]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        if node.opset < 7 { node.attributes.ignore("broadcast") }
        return try node.append(Comparison(relations[node.node.opType] ?? .equal), node.inputs())
    }
}

extension Logic: ONNXReadable {
    package static let readableOperators = Array(functions.keys)
    private static let functions: [String: Function] = ["And": .and, "Or": .or, "Xor": .exclusiveOr, "Not": .not]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        if node.opset < 7 { node.attributes.ignore("broadcast") }
        return try node.append(Logic(functions[node.node.opType] ?? .not), node.inputs())
    }
}

extension Choice: ONNXUnary {
    package static let readableOperators = ["Where"]
    package static func operation(_ node: inout ONNXNodeReader) -> any Operator { Choice() }
}

extension Classification: ONNXUnary {
    package static let readableOperators = ["IsNaN", "IsInf"]

    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        guard node.node.opType == "IsInf" else { return Classification(.isNotANumber) }
        let negative = try node.attributes.flag("detect_negative", default: true)
        let positive = try node.attributes.flag("detect_positive", default: true)
        return Classification(.isInfinite(negative: negative, positive: positive))
    }
}

// MARK: - Writing

/// One operator; Mod and two choices for floats, whose remainder has the divisor's sign.
extension Arithmetic: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let dtype = inputs[0].type.dtype
        let result = combine(inputs.present.map { emitter.widened($0) }, dtype.onnxWide, &emitter)
        return try signals(emitter.narrowed(result, to: dtype), for: inputs)
    }

    private func combine(_ operands: [String], _ dtype: DType, _ emitter: inout ONNXEmitter) -> String {
        switch function {
        case .flooredRemainder where dtype.isFloat: return remainder(operands[0], operands[1], dtype, &emitter)
        case .flooredRemainder, .truncatedRemainder:
            let isTruncated = function == .truncatedRemainder
            return emitter.apply("Mod", to: operands, attributes: ["fmod": .int(isTruncated ? 1 : 0)])
        // Sum and Mean know floats only.
        case .sum where !dtype.isFloat: return sum(operands, &emitter)
        case .mean where !dtype.isFloat:
            return emitter.apply("Div", sum(operands, &emitter), emitter.scalar(Float(operands.count), dtype))
        default: return emitter.apply(onnxOperator, to: operands)
        }
    }

    private var onnxOperator: String { Self.functions.first { $0.value == function }?.key ?? "Add" }

    private func sum(_ operands: [String], _ emitter: inout ONNXEmitter) -> String {
        operands.dropFirst().reduce(operands[0]) { emitter.apply("Add", $0, $1) }
    }

    /// The remainder with the sign of the dividend, and the divisor added where the signs differ.
    private func remainder(_ a: String, _ b: String, _ dtype: DType, _ emitter: inout ONNXEmitter) -> String {
        let zero = emitter.scalar(0, dtype)
        let rest = emitter.apply("Mod", a, b, attributes: ["fmod": .int(1)])
        let differs = emitter.apply("Xor", emitter.apply("Less", rest, zero), emitter.apply("Less", b, zero))
        let isRest = emitter.apply("Not", emitter.apply("Equal", rest, zero))
        return emitter.apply(
            "Where", emitter.apply("And", isRest, differs), emitter.apply("Add", rest, b), rest)
    }
}

/// One operator.
extension Elementwise: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        switch function {
        case .exponential: return try emitWideNode("Exp", inputs, into: &emitter)
        case .rectified:
            let dtype = inputs[0].type.dtype
            let y = emitter.apply("Max", emitter.widened(inputs[0]), emitter.scalar(0, dtype.onnxWide))
            return try signals(emitter.narrowed(y, to: dtype), for: inputs)
        default:
            let op = Self.functions.first { $0.value == function }?.key
            return try emitWideNode(op ?? "Neg", inputs, into: &emitter)
        }
    }
}

/// One operator; Not(Equal) for its opposite.
extension Comparison: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let op = Self.relations.first { $0.value == relation }?.key ?? "Equal"
        let result = emitter.apply(op, emitter.widened(inputs[0]), emitter.widened(inputs[1]))
        return try signals(relation == .notEqual ? emitter.apply("Not", result) : result, for: inputs)
    }
}

/// One operator.
extension Logic: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        try emitNode(Self.functions.first { $0.value == function }?.key ?? "Not", inputs, into: &emitter)
    }
}

/// Where.
extension Choice: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let dtype = inputs[1].type.dtype
        let y = emitter.apply("Where", inputs[0].name, emitter.widened(inputs[1]), emitter.widened(inputs[2]))
        return try signals(emitter.narrowed(y, to: dtype), for: inputs)
    }
}

/// IsNaN or IsInf.
extension Classification: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        guard case .isInfinite(let negative, let positive) = question else {
            return try emitWideNode("IsNaN", inputs, into: &emitter)
        }
        let attributes = [
            ONNXAttribute("detect_negative", .int(negative ? 1 : 0)),
            ONNXAttribute("detect_positive", .int(positive ? 1 : 0)),
        ]
        return try emitWideNode("IsInf", inputs, attributes, into: &emitter)
    }
}
