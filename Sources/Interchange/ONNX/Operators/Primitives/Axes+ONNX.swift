import FerryEngine
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

/// Of a tensor both are known: it is there, and it is what it holds. Without an input there is nothing.
enum ONNXOptional: ONNXReadable {
    static let readableOperators = ["OptionalHasElement", "OptionalGetElement"]

    static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        if node.node.opType == "OptionalGetElement" { return [try node.input(0)] }
        return [node.literal(Tensor(scalar: !node.lacks(0)))]
    }
}

// MARK: - Writing

/// Transpose.
extension Transpose: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        try signals(emitter.transpose(inputs[0].name, resolved(rank: inputs[0].type.rank)), for: inputs)
    }
}

/// Squeeze.
extension Squeeze: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let x = inputs[0]
        let axes = axes ?? .known(x.type.shape.indices.filter { x.type.shape[$0] == .fixed(1) })
        // Without axes the operator would drop all of length 1.
        guard axes.values != [] else { return try signals(x.name, for: inputs) }
        return try signals(emitter.apply("Squeeze", x.name, emitter.integers(axes, of: inputs)), for: inputs)
    }
}

/// Unsqueeze.
extension Unsqueeze: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let x = inputs[0].name
        guard axes.values != [] else { return try signals(x, for: inputs) }
        return try signals(emitter.apply("Unsqueeze", x, emitter.integers(axes, of: inputs)), for: inputs)
    }
}

/// Slice from the last element to the first.
extension Reverse: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        try signals(emitter.reverse(inputs[0].name, axis: axis), for: inputs)
    }
}

/// Reshape; only from opset 14 can it say that a length of 0 means an empty axis.
extension TensorReshape: ONNXWritable {
    package func onnxObstacles(_ name: String, opset: Int) -> [String] {
        keepsLengths || opset >= 14 ? [] : ["'\(name)' (Reshape to empty axes, before opset 14)"]
    }

    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let shape = try emitter.integers(shape, of: inputs)
        let attributes = keepsLengths ? [] : [ONNXAttribute("allowzero", .int(1))]
        return try emitNode("Reshape", [inputs[0].name, shape], inputs, attributes, &emitter)
    }

    /// Whether a 0 in the shape, if there can be one, keeps the length of the input.
    private var keepsLengths: Bool { !zeroIsLength || shape.values?.contains(0) == false }
}

/// Expand.
extension Expand: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        try signals(emitter.apply("Expand", inputs[0].name, emitter.integers(shape, of: inputs)), for: inputs)
    }
}

/// Tile.
extension Tile: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        try signals(emitter.apply("Tile", inputs[0].name, emitter.integers(repeats, of: inputs)), for: inputs)
    }
}

/// Shape; before opset 15 and a Slice.
extension ShapeOf: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let rank = inputs[0].type.rank
        let axes = range(rank: rank)
        let end = axes.upperBound == rank ? nil : axes.upperBound
        return try signals(emitter.lengths(inputs[0].name, from: axes.lowerBound, to: end), for: inputs)
    }
}

/// Size.
extension SizeOf: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        try emitNode("Size", inputs, into: &emitter)
    }
}

/// ConstantOfShape.
extension Fill: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let value = ONNXAttribute("value", .tensor(ONNXTensor(value.reshaped([1]))))
        return try emitNode("ConstantOfShape", [emitter.integers(shape, of: inputs)], inputs, [value], &emitter)
    }
}

/// ConstantOfShape of the input's Shape.
extension FillLike: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let value = ONNXAttribute("value", .tensor(ONNXTensor(value.reshaped([1]))))
        return try emitNode("ConstantOfShape", [emitter.lengths(inputs[0].name)], inputs, [value], &emitter)
    }
}

/// Range.
extension NumberRange: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let bounds = inputs.present.map { emitter.withoutAxes(emitter.widened($0), $0.type) }
        let y = emitter.apply("Range", to: bounds)
        return try signals(emitter.narrowed(y, to: inputs[0].type.dtype), for: inputs)
    }
}

/// Range over the time steps, Less than the length of each sequence.
extension LengthMask: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let lengths = emitter.unsqueeze(emitter.cast(inputs[0], to: .int64), [timeMajor ? 0 : 1])
        let axis = timeMajor ? 0 : 1
        let time = emitter.squeeze(emitter.lengths(inputs[1].name, from: axis, to: axis + 1), [0])
        let steps = emitter.apply("Range", emitter.integer(0), time, emitter.integer(1))
        let aligned = timeMajor ? emitter.unsqueeze(steps, [1]) : steps
        return try signals(emitter.apply("Less", aligned, lengths), for: inputs)
    }
}
