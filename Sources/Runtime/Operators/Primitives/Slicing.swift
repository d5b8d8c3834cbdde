package import FerryEngine

/// Cuts a range out of some axes, as Python's `x[start:end:step]` does.
package struct Slice: Operator, Hashable {
    package static let kind = "Slice"
    package var starts: Integers
    package var ends: Integers
    /// The axes; nil means the first ones.
    package var axes: Integers?
    /// The steps, not zero; nil means 1.
    package var steps: Integers?

    /// Cuts `starts` to `ends` out of `axes`.
    package init(starts: Integers, ends: Integers, axes: Integers? = nil, steps: Integers? = nil) {
        self.starts = starts
        self.ends = ends
        self.axes = axes
        self.steps = steps
    }

    package var arity: ClosedRange<Int> {
        let slots = [starts.slot, ends.slot, axes?.slot, steps?.slot].compactMap { $0 }
        let count = 1 + (slots.max() ?? 0)
        return count...count
    }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        var type = inputs[0]
        let count = starts.count(inputs) ?? type.rank
        guard let axes = axes.map(\.values) ?? Array(0..<count) else {
            return [type.with(shape: type.shape.map { _ in .unknown })]
        }
        for (i, axis) in axes.enumerated() {
            let axis = try checkedAxis(axis, rank: type.rank)
            type.shape[axis] = cut(type.shape[axis], part: i)
        }
        return [type]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        var x = inputs[0].tensor
        let (starts, ends) = (try starts(inputs), try ends(inputs))
        let axes = try axes(inputs) ?? Array(starts.indices)
        let steps = try steps(inputs) ?? starts.map { _ in 1 }
        guard ends.count == starts.count, axes.count == starts.count, steps.count == starts.count, !steps.contains(0)
        else {
            throw FerryError(
                .range, found: "starts \(starts), ends \(ends), axes \(axes), steps \(steps)", expected: "one each")
        }
        for (i, axis) in axes.enumerated() {
            let axis = try checkedAxis(axis, rank: x.rank)
            let (start, count) = range(x.shape[axis], starts[i], ends[i], steps[i])
            if count == x.shape[axis] && steps[i] == 1 { continue }
            x = x.sliced(axis: axis, from: start, count: count, step: steps[i])
        }
        return [Signal(x)]
    }

    private func cut(_ length: Dimension, part i: Int) -> Dimension {
        func part(_ integers: Integers) -> Int? { integers.expected.flatMap { i < $0.count ? $0[i].length : nil } }
        guard let start = part(starts), let end = part(ends), let step = steps.map(part) ?? 1, step != 0 else {
            return .unknown
        }
        if let length = length.length { return .fixed(range(length, start, end, step).count) }
        // Beyond every real length: the axis stays whole.
        if start == 0 && step == 1 && end >= Int(Int32.max) { return length }
        return start == -1 && step == 1 && end >= Int(Int32.max) ? .fixed(1) : .unknown
    }

    private func range(_ length: Int, _ start: Int, _ end: Int, _ step: Int) -> (start: Int, count: Int) {
        guard length > 0 else { return (0, 0) }
        func fromFront(_ index: Int) -> Int { index < 0 ? (index < -length ? -1 : index + length) : min(index, length) }
        if step > 0 {
            let (first, last) = (max(fromFront(start), 0), max(fromFront(end), 0))
            return (first, last > first ? (last - first - 1) / step + 1 : 0)
        }
        let first = min(max(fromFront(start), 0), length - 1)
        let last = min(fromFront(end), length - 1)
        // The magnitude of the smallest integer does not fit.
        let stride = step == .min ? Int.max : -step
        return (first, first > last ? (first - last - 1) / stride + 1 : 0)
    }
}

/// Cuts the tensor along an axis into parts.
package struct Split: Operator, Hashable {
    package static let kind = "Split"
    package var axis: Int
    /// The lengths of the parts; nil makes them equal but for a shorter last one.
    package var lengths: Integers?
    /// How many parts.
    package var count: Int

    /// Cuts along `axis`.
    package init(axis: Int, lengths: Integers?, count: Int) {
        self.axis = axis
        self.lengths = lengths
        self.count = count
    }

    package var arity: ClosedRange<Int> { lengths?.slot == nil ? 1...1 : 2...2 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let axis = try checkedAxis(axis, rank: inputs[0].rank)
        let parts: [Dimension]
        if let lengths {
            parts = lengths.expected ?? [Dimension](repeating: .unknown, count: count)
        } else if let length = inputs[0].shape[axis].length {
            parts = try equalParts(length).map(Dimension.fixed)
        } else {
            parts = [Dimension](repeating: .unknown, count: count)
        }
        guard parts.count == count else {
            throw FerryError(.shape, found: "\(count) outputs", expected: "\(parts.count), one for each part")
        }
        return parts.map { part in
            var type = inputs[0]
            type.shape[axis] = part
            return type
        }
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor
        let axis = try checkedAxis(axis, rank: x.rank)
        let parts = try lengths(inputs) ?? equalParts(x.shape[axis])
        guard parts.allSatisfy({ $0 >= 0 }), parts.count == count, parts.reduce(0, +) == x.shape[axis] else {
            throw FerryError(.shape, found: "length \(x.shape[axis])", expected: "the sum of the parts \(parts)")
        }
        return x.split(axis: axis, lengths: parts).map { Signal($0) }
    }

    private func equalParts(_ length: Int) throws -> [Int] {
        let part = (length + count - 1) / max(count, 1)
        let last = length - part * (count - 1)
        guard count > 0, last >= 0 else {
            throw FerryError(.shape, found: "length \(length)", expected: "enough for \(count) parts")
        }
        return [Int](repeating: part, count: count - 1) + [last]
    }
}

/// Adds elements before and behind along some axes.
///
/// Inputs: x, then where they are computed the pads and the value.
package struct Pad: Operator, Hashable {
    package static let kind = "Pad"

    /// Where the new elements come from.
    package enum Mode: String, Sendable, CaseIterable { case constant, reflect, edge, wrap }

    package var mode: Mode
    /// How many before each axis, then how many behind each; negative numbers cut off.
    package var pads: Integers
    /// The axes; nil means all.
    package var axes: Integers?
    /// The input that holds the constant; nil means zeros.
    package var valueSlot: Int?

    /// Adds as many as `pads` says.
    package init(_ mode: Mode, pads: Integers, axes: Integers? = nil, valueSlot: Int? = nil) {
        self.mode = mode
        self.pads = pads
        self.axes = axes
        self.valueSlot = valueSlot
    }

    package var arity: ClosedRange<Int> {
        let count = 1 + ([pads.slot, axes?.slot, valueSlot].compactMap { $0 }.max() ?? 0)
        return count...count
    }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        var type = inputs[0]
        guard let pads = pads.expected, let axes = axes.map(\.values) ?? Array(0..<type.rank) else {
            return [type.with(shape: type.shape.map { _ in .unknown })]
        }
        try check(pads.map { $0.length ?? 0 }, axes.count)
        for (i, axis) in axes.enumerated() {
            let axis = try checkedAxis(axis, rank: type.rank)
            let (before, behind) = (pads[i], pads[i + axes.count])
            guard before != .fixed(0) || behind != .fixed(0) else { continue }
            let lengths = [type.shape[axis], before, behind].lengths
            type.shape[axis] = lengths.map { .fixed($0.reduce(0, +)) } ?? .unknown
        }
        return [type]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        var x = inputs[0].tensor
        let pads = try pads(inputs)
        let axes = try axes(inputs) ?? Array(0..<x.rank)
        try check(pads, axes.count)
        let value = valueSlot.flatMap { inputs[optional: $0]?.tensor } ?? Tensor(zeros: [1], dtype: x.dtype)
        guard value.count == 1 else { throw FerryError(.shape, found: "value \(value.shape)", expected: "one element") }
        for (i, axis) in axes.enumerated() {
            x = try padded(x, checkedAxis(axis, rank: x.rank), pads[i], pads[i + axes.count], value)
        }
        return [Signal(x)]
    }

    private func check(_ pads: [Int], _ axes: Int) throws {
        guard pads.count == 2 * axes else {
            throw FerryError(.shape, found: "\(pads.count) pads", expected: "two for each of \(axes) axes")
        }
        guard pads.allSatisfy({ abs(max($0, -.max)) <= largestComputedCount }) else {
            throw FerryError(.range, found: "pads \(pads)", expected: "at most \(largestComputedCount)")
        }
    }

    private func padded(_ x: Tensor, _ axis: Int, _ before: Int, _ behind: Int, _ value: Tensor) throws -> Tensor {
        guard before != 0 || behind != 0 else { return x }
        let length = x.shape[axis]
        var shape = x.shape
        shape[axis] = length + before + behind
        _ = try checkedShape(shape)
        let rows = try (-before..<(length + behind)).map { try source(of: $0, length) }
        // One more row behind the others holds the constant.
        var filler = x.shape
        filler[axis] = 1
        let extended = Tensor.concatenated([x, value.cast(to: x.dtype).reshaped([]).broadcast(to: filler)], axis: axis)
        return extended.gathering(rows, axis: axis)
    }

    private func source(of position: Int, _ length: Int) throws -> Int {
        if 0..<length ~= position { return position }
        guard mode != .constant else { return length }
        guard length > 0 else { throw FerryError(.shape, found: "an empty axis", expected: "elements to pad with") }
        switch mode {
        case .edge, .constant: return min(max(position, 0), length - 1)
        case .wrap: return ((position % length) + length) % length
        case .reflect:
            let period = max(2 * (length - 1), 1)
            let phase = ((position % period) + period) % period
            return min(phase, period - phase) % length
        }
    }
}
