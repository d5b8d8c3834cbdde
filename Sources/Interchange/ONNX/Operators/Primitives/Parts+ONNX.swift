import FerryEngine
package import FerryRuntime

extension Concatenate: ONNXUnary {
    package static let readableOperators = ["Concat"]

    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        if let axis = try node.attributes.int("axis") { return Concatenate(axis: axis) }
        guard node.opset < 4 else { throw FerryError(.missingKey, found: "no attribute 'axis'", expected: "one") }
        return Concatenate(axis: 1)
    }
}

extension Slice: ONNXReadable {
    package static let readableOperators = ["Slice"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        var operands: [ONNXOperand?] = [try node.input(0)]
        guard let starts = try node.integers("starts", orInput: 1, since: 10, &operands),
            let ends = try node.integers("ends", orInput: 2, since: 10, &operands)
        else {
            throw FerryError(.missingKey, found: "no starts or no ends", expected: "both")
        }
        let axes = try node.integers("axes", orInput: 3, since: 10, &operands)
        let steps = node.opset < 10 ? nil : try node.integers(4, &operands)
        return try node.append(Slice(starts: starts, ends: ends, axes: axes, steps: steps), operands)
    }
}

extension Split: ONNXReadable {
    package static let readableOperators = ["Split"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        var operands: [ONNXOperand?] = [try node.input(0)]
        let axis = try node.attributes.int("axis") ?? 0
        let lengths = try node.integers("split", orInput: 1, since: 13, &operands)
        let count = node.node.outputs.count
        if let stated = try node.attributes.int("num_outputs"), stated != count {
            throw FerryError.damaged("attribute 'num_outputs' is \(stated)", expected: "\(count), as there are outputs")
        }
        return try node.append(Split(axis: axis, lengths: lengths, count: count), operands)
    }
}

extension Pad: ONNXReadable {
    package static let readableOperators = ["Pad"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let x = try node.input(0)
        let modes = Dictionary(uniqueKeysWithValues: Mode.allCases.map { ($0.rawValue, $0) })
        let mode = try node.attributes.choice("mode", modes, default: .constant)
        var operands: [ONNXOperand?] = [x]
        guard let pads = try node.integers(node.opset < 2 ? "paddings" : "pads", orInput: 1, since: 11, &operands)
        else {
            throw FerryError(.missingKey, found: "no pads", expected: "two for each axis")
        }
        let axes = node.opset < 18 ? nil : try node.integers(3, &operands)
        let constant =
            node.opset < 11
            ? try node.attributes.float("value").map { node.literal(Tensor(scalar: $0).cast(to: node.type(x).dtype)) }
            : try node.optional(2)
        if let constant { operands.append(constant) }
        let pad = Pad(mode, pads: pads, axes: axes, valueSlot: constant == nil ? nil : operands.count - 1)
        return try node.append(pad, operands)
    }
}

extension Gather: ONNXUnary {
    package static let readableOperators = ["Gather"]
    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        Gather(axis: try node.attributes.int("axis") ?? 0)
    }
}

extension GatherElements: ONNXUnary {
    package static let readableOperators = ["GatherElements"]
    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        GatherElements(axis: try node.attributes.int("axis") ?? 0)
    }
}

extension GatherND: ONNXUnary {
    package static let readableOperators = ["GatherND"]
    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        GatherND(batchAxes: try node.attributes.int("batch_dims") ?? 0)
    }
}

extension ReverseSequence: ONNXUnary {
    package static let readableOperators = ["ReverseSequence"]
    package static func operation(_ node: inout ONNXNodeReader) throws -> any Operator {
        ReverseSequence(
            batchAxis: try node.attributes.int("batch_axis") ?? 1, timeAxis: try node.attributes.int("time_axis") ?? 0)
    }
}

extension OneHot: ONNXReadable {
    package static let readableOperators = ["OneHot"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        var operands: [ONNXOperand?] = [try node.input(0), try node.input(2)]
        let depth = try node.integers(node.input(1), &operands)
        return try node.append(OneHot(axis: node.attributes.int("axis") ?? -1, depth: depth), operands)
    }
}

extension NonZero: ONNXUnary {
    package static let readableOperators = ["NonZero"]
    package static func operation(_ node: inout ONNXNodeReader) -> any Operator { NonZero() }
}

/// TopK, whose `k` was an attribute before version 10.
extension TopK: ONNXReadable {
    package static let readableOperators = ["TopK"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        // All elements come in order, which is what an unsorted result may be too.
        node.attributes.ignore("sorted")
        var operands: [ONNXOperand?] = [try node.input(0)]
        let count =
            node.opset < 10
            ? Integers.known([try node.attributes.int("k") ?? 0]) : try node.integers(node.input(1), &operands)
        let axis = try node.attributes.int("axis") ?? -1
        let largest = try node.attributes.flag("largest", default: true)
        return try node.append(TopK(count, axis: axis, largest: largest), operands)
    }
}

// MARK: - Writing

/// Slice.
extension Slice: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let operands = try [starts, ends, axes, steps].map { try $0.map { try emitter.integers($0, of: inputs) } ?? "" }
        return try signals(emitter.apply("Slice", to: [inputs[0].name] + operands), for: inputs)
    }
}

/// Split.
extension Split: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let parts = try outputTypes(for: inputs.map(\.type))
            .map { $0.shape[try checkedAxis(axis, rank: $0.rank)].length }
        var operands = [inputs[0].name]
        var attributes = [ONNXAttribute("axis", .int(axis))]
        if let lengths, lengths.slot != nil {
            operands.append(try emitter.integers(lengths, of: inputs))
        } else if !parts.contains(nil) {
            operands.append(emitter.integers(parts.compactMap { $0 }))
        } else if emitter.opset >= 18 {
            attributes.append(ONNXAttribute("num_outputs", .int(count)))
        }
        return try emitNode("Split", operands, inputs, attributes, &emitter)
    }
}

/// Pad; only from opset 18 can the axes be computed, and from 19 can it wrap around.
extension Pad: ONNXWritable {
    package func onnxObstacles(_ name: String, opset: Int) -> [String] {
        if mode == .wrap && opset < 19 { return ["'\(name)' (Pad that wraps around, before opset 19)"] }
        return axes?.slot == nil || opset >= 18 ? [] : ["'\(name)' (Pad along computed axes, before opset 18)"]
    }

    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let x = inputs[0]
        var operands = [x.name, try pads(x.type.rank, inputs, &emitter)]
        operands.append(
            valueSlot.flatMap { inputs[optional: $0] }.map { value in
                emitter.withoutAxes(emitter.cast(value, to: x.type.dtype), value.type)
            } ?? "")
        if let axes, needsAxes { operands.append(try emitter.integers(axes, of: inputs)) }
        let attributes = mode == .constant ? [] : [ONNXAttribute("mode", .text(mode.rawValue))]
        return try emitNode("Pad", operands, inputs, attributes, &emitter)
    }

    private var needsAxes: Bool { axes.map { $0.values == nil || pads.values == nil } ?? false }

    /// The pads, those of all axes where they are known.
    private func pads(_ rank: Int, _ inputs: Slots<ONNXSignal>, _ emitter: inout ONNXEmitter) throws -> String {
        guard let axes = axes?.values, let known = pads.values, !needsAxes else {
            return try emitter.integers(pads, of: inputs)
        }
        var all = [Int](repeating: 0, count: 2 * rank)
        for (i, axis) in axes.enumerated() where i + axes.count < known.count {
            let axis = try checkedAxis(axis, rank: rank)
            (all[axis], all[axis + rank]) = (known[i], known[i + axes.count])
        }
        return emitter.integers(all)
    }
}

/// Gather.
extension Gather: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let operands = [inputs[0].name, emitter.indices(inputs[1])]
        return try emitNode("Gather", operands, inputs, [ONNXAttribute("axis", .int(axis))], &emitter)
    }
}

/// GatherElements.
extension GatherElements: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let operands = [inputs[0].name, emitter.indices(inputs[1])]
        return try emitNode("GatherElements", operands, inputs, [ONNXAttribute("axis", .int(axis))], &emitter)
    }
}

/// GatherND.
extension GatherND: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let operands = [inputs[0].name, emitter.cast(inputs[1], to: .int64)]
        return try emitNode("GatherND", operands, inputs, [ONNXAttribute("batch_dims", .int(batchAxes))], &emitter)
    }
}

/// ReverseSequence.
extension ReverseSequence: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let operands = [inputs[0].name, emitter.cast(inputs[1], to: .int64)]
        let axes = [ONNXAttribute("batch_axis", .int(batchAxis)), ONNXAttribute("time_axis", .int(timeAxis))]
        return try emitNode("ReverseSequence", operands, inputs, axes, &emitter)
    }
}

/// OneHot of values in float32 or int64.
extension OneHot: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let dtype = inputs[1].type.dtype
        let wide: DType = dtype == .float64 ? dtype : dtype.isFloat ? .float32 : .int64
        let y = emitter.apply(
            "OneHot", emitter.cast(inputs[0], to: .int64), try emitter.integers(depth, of: inputs),
            emitter.reshape(emitter.cast(inputs[1], to: wide), [2]), attributes: ["axis": .int(axis)])
        return try signals(emitter.cast(y, from: wide, to: dtype), for: inputs)
    }
}

/// NonZero.
extension NonZero: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        try signals(emitter.apply("NonZero", emitter.cast(inputs[0], to: .bool)), for: inputs)
    }
}

/// TopK.
extension TopK: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let dtype = inputs[0].type.dtype
        let operands = [emitter.widened(inputs[0]), try emitter.integers(count, of: inputs)]
        let attributes = [ONNXAttribute("axis", .int(axis)), ONNXAttribute("largest", .int(largest ? 1 : 0))]
        var outputs = try emitNode("TopK", operands, inputs, attributes, &emitter)
        outputs[0].name = emitter.narrowed(outputs[0].name, to: dtype)
        return outputs
    }
}
