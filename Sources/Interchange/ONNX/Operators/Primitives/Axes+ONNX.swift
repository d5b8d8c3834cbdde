package import FerryEngine
package import FerryRuntime

extension Transpose: ONNXUnary {
    package static let readableOperators = ["Transpose"]
    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        Transpose(try node.attributes.ints("perm"))
    }
}

extension Squeeze: ONNXReadable {
    package static let readableOperators = ["Squeeze"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        var operands: [ONNXOperand?] = [try node.input(0)]
        let axes = try node.integers("axes", orInput: 1, since: 13, &operands)
        return try node.append(Squeeze(axes: axes), operands)
    }
}

extension Unsqueeze: ONNXReadable {
    package static let readableOperators = ["Unsqueeze"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        var operands: [ONNXOperand?] = [try node.input(0)]
        guard let axes = try node.integers("axes", orInput: 1, since: 13, &operands) else {
            throw FerryError(.missingKey, found: "no axes", expected: "axes to add")
        }
        return try node.append(Unsqueeze(axes: axes), operands)
    }
}

extension TensorReshape: ONNXReadable {
    package static let readableOperators = ["Reshape"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        node.attributes.ignore("consumed_inputs")
        var operands: [ONNXOperand?] = [try node.input(0)]
        guard let shape = try node.integers("shape", orInput: 1, since: 5, &operands) else {
            throw FerryError(.missingKey, found: "no shape", expected: "one")
        }
        let zeroIsLength = try node.attributes.flag("allowzero", default: false)
        return try node.append(TensorReshape(shape, zeroIsLength: zeroIsLength), operands)
    }
}

/// Flatten; before another axis than the first, a Reshape to two axes.
extension Flatten: ONNXReadable {
    package static let readableOperators = ["Flatten"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let x = try node.input(0)
        let type = node.type(x)
        let given = try node.attributes.int("axis") ?? 1
        let axis = given < 0 ? given + type.rank : given
        guard 0...type.rank ~= axis else {
            throw FerryError(.shape, at: ["attribute 'axis'"], found: "\(given)", expected: "an axis of \(type.shape)")
        }
        if axis == 1 { return try node.append(Flatten(), [x]) }
        if axis == 0 { return try node.append(TensorReshape(.known([1, -1])), [x]) }
        if let behind = Array(type.shape[axis...]).lengths, !behind.contains(0) {
            return try node.append(TensorReshape(.known([-1, behind.product])), [x])
        }
        let lengths = try node.add(ShapeOf(start: 0, end: axis), x)
        let product = try node.add(Reduction(.product, axes: nil, keepsAxes: true), lengths)
        let shape = try node.add(Concatenate(axis: 0), product, node.literal([-1]))
        var operands: [ONNXOperand?] = [x]
        return try node.append(TensorReshape(node.integers(shape, &operands)), operands)
    }
}

extension Expand: ONNXReadable {
    package static let readableOperators = ["Expand"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        var operands: [ONNXOperand?] = [try node.input(0)]
        let shape = try node.integers(node.input(1), &operands)
        return try node.append(Expand(shape), operands)
    }
}

extension Tile: ONNXReadable {
    package static let readableOperators = ["Tile"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        guard node.opset >= 6 else {
            throw FerryError(
                .unsupported, found: "tiles along one axis only, as before version 6", expected: "version 6 or later")
        }
        var operands: [ONNXOperand?] = [try node.input(0)]
        let repeats = try node.integers(node.input(1), &operands)
        return try node.append(Tile(repeats), operands)
    }
}

extension ShapeOf: ONNXUnary {
    package static let readableOperators = ["Shape"]
    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        ShapeOf(start: try node.attributes.int("start") ?? 0, end: try node.attributes.int("end"))
    }
}

extension SizeOf: ONNXUnary {
    package static let readableOperators = ["Size"]
    package static func operation(_ node: inout ONNXNodeReader) -> any Operator { SizeOf() }
}

extension Fill: ONNXReadable {
    package static let readableOperators = ["ConstantOfShape"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let value = try node.attributes.tensor("value") ?? Tensor([Float(0)])
        guard value.count == 1 else {
            throw FerryError(.shape, at: ["attribute 'value'"], found: "shape \(value.shape)", expected: "one element")
        }
        var operands: [ONNXOperand?] = []
        let shape = try node.integers(node.input(0), &operands)
        return try node.append(Fill(value, shape: shape), operands)
    }
}

extension NumberRange: ONNXUnary {
    package static let readableOperators = ["Range"]
    package static func operation(_ node: inout ONNXNodeReader) -> any Operator { NumberRange() }
}

/// Constant in all its spellings; nothing to compute.
enum ONNXConstant: ONNXReadable {
    static let readableOperators = ["Constant"]

    static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        guard let tensor = try value(&node.attributes) else {
            throw FerryError(
                .missingKey, found: "no value that is a number", expected: "one of value, value_float, value_int …")
        }
        return [.constant(tensor, name: node.node.outputs.first ?? "constant")]
    }

    private static func value(_ attributes: inout ONNXAttributes) throws -> Tensor? {
        if let tensor = try attributes.tensor("value") { return tensor }
        if let value = try attributes.float("value_float") { return Tensor(scalar: value) }
        if let values = try attributes.floats("value_floats") { return Tensor(values) }
        if let value = try attributes.int("value_int") { return Tensor(scalar: Int64(value)) }
        if let values = try attributes.ints("value_ints") { return Tensor(values.map(Int64.init)) }
        return try attributes.sparseTensor("sparse_value")?.tensor()
    }
}

/// Identity; nothing to compute.
enum ONNXIdentity: ONNXReadable {
    static let readableOperators = ["Identity"]
    static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] { [try node.input(0)] }
}
