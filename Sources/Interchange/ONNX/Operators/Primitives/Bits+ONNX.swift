import FerryEngine
package import FerryRuntime

extension Bitwise: ONNXUnary {
    package static let readableOperators = ["BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot"]

    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        switch node.node.opType {
        case "BitwiseAnd": return Bitwise(.and)
        case "BitwiseOr": return Bitwise(.or)
        case "BitwiseXor": return Bitwise(.exclusiveOr)
        case "BitwiseNot": return Bitwise(.not)
        default:
            let directions = ["LEFT": Function.shiftLeft, "RIGHT": .shiftRight]
            return Bitwise(try node.attributes.choice("direction", directions, default: .shiftLeft))
        }
    }
}

extension BitCast: ONNXUnary {
    package static let readableOperators = ["BitCast"]

    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        BitCast(to: try node.dataType("to") ?? .float32)
    }
}
