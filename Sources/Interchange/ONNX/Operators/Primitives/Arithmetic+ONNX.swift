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
