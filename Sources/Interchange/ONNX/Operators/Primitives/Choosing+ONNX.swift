import FerryEngine
package import FerryRuntime

extension Compress: ONNXUnary {
    package static let readableOperators = ["Compress"]
    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        Compress(axis: try node.attributes.int("axis"))
    }
}

extension Unique: ONNXUnary {
    package static let readableOperators = ["Unique"]
    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        Unique(axis: try node.attributes.int("axis"), isSorted: try node.attributes.flag("sorted", default: true))
    }
}

extension NonMaximumSuppression: ONNXUnary {
    package static let readableOperators = ["NonMaxSuppression"]
    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        NonMaximumSuppression(usesCentres: try node.attributes.flag("center_point_box", default: false))
    }
}

/// Hardmax: the index of the largest element as a line of zeros and a one.
enum ONNXHardmax: ONNXReadable {
    static let readableOperators = ["Hardmax"]

    static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let x = try node.input(0)
        let type = node.type(x)
        let axis = try checkedAxis(try node.attributes.int("axis") ?? (node.opset < 13 ? 1 : -1), rank: type.rank)
        // Before version 13 all axes from the given one on were one line.
        guard node.opset >= 13 || axis == type.rank - 1 else {
            throw FerryError(.unsupported, at: ["attribute 'axis'"], found: "\(axis)", expected: "the last axis")
        }
        let index = try node.add(ArgExtremum(largest: true, axis: axis, keepsAxis: false), x)
        let values = node.literal(Tensor([0, 1] as [Float]).cast(to: type.dtype))
        var operands: [ONNXOperand?] = [index, values]
        let depth = node.integers(try node.add(ShapeOf(start: axis, end: axis + 1), x), &operands)
        return try node.append(OneHot(axis: axis, depth: depth), operands)
    }
}
