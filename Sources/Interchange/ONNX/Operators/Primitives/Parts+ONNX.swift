package import FerryEngine
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
