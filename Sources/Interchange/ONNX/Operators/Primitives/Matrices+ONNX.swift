package import FerryRuntime

extension Triangle: ONNXUnary {
    package static let readableOperators = ["Trilu"]
    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        Triangle(upper: try node.attributes.flag("upper", default: true))
    }
}

extension Diagonal: ONNXUnary {
    package static let readableOperators = ["EyeLike"]
    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        Diagonal(dtype: try node.dataType("dtype"), offset: try node.attributes.int("k") ?? 0)
    }
}

extension Determinant: ONNXUnary {
    package static let readableOperators = ["Det"]
    package static func operation(_ node: inout ONNXNodeReader) -> any Operator { Determinant() }
}
