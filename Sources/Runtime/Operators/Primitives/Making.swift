package import FerryEngine

/// The lengths of the input's axes `start` to `end`, as int64.
package struct ShapeOf: Operator, Hashable {
    package static let kind = "ShapeOf"
    package var start: Int
    /// Behind the last axis; nil goes to the end.
    package var end: Int?

    /// The lengths from `start` to `end`; negative axes count from the back.
    package init(start: Int = 0, end: Int? = nil) {
        self.start = start
        self.end = end
    }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        [ValueType(.int64, [.fixed(range(rank: inputs[0].rank).count)])]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let shape = inputs[0].tensor.shape
        return [Signal(Tensor(shape[range(rank: shape.count)].map(Int64.init)))]
    }

    /// The axes that an input of `rank` axes is asked for.
    package func range(rank: Int) -> Range<Int> {
        func bounded(_ axis: Int) -> Int { min(max(axis < 0 ? axis + rank : axis, 0), rank) }
        let first = bounded(start)
        return first..<max(first, bounded(end ?? rank))
    }
}

/// The number of elements of the input, an int64 scalar.
package struct SizeOf: Operator, Hashable {
    package static let kind = "SizeOf"

    package init() {}

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] { [ValueType(.int64, [])] }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        [Signal(Tensor(scalar: Int64(inputs[0].tensor.count)))]
    }
}

/// A tensor of some shape in which every element is the same.
package struct Fill: Operator {
    package static let kind = "Fill"
    /// The element, one.
    package var value: Tensor
    package var shape: Integers

    /// Fills `shape` with the one element of `value`.
    package init(_ value: Tensor, shape: Integers) {
        self.value = value
        self.shape = shape
    }

    package var arity: ClosedRange<Int> { shape.slot == nil ? 0...0 : 1...1 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard let rank = shape.count(inputs) else {
            throw FerryError(.unsupported, found: "a shape that is computed", expected: "a known number of axes")
        }
        return [ValueType(value.dtype, shape.expected ?? [Dimension](repeating: .unknown, count: rank))]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        [Signal(value.reshaped([]).broadcast(to: try checkedShape(shape(inputs))))]
    }
}

/// A tensor of the input's shape in which every element is the same (Keras `full_like`).
package struct FillLike: Operator {
    package static let kind = "FillLike"
    /// The element, one.
    package var value: Tensor

    /// Fills the shape of the input with the one element of `value`.
    package init(_ value: Tensor) { self.value = value }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        [inputs[0].with(dtype: value.dtype)]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        [Signal(value.reshaped([]).broadcast(to: inputs[0].tensor.shape))]
    }
}

/// The numbers from a start to before a limit, a step apart.
///
/// Inputs: start, limit, step, each one element.
package struct NumberRange: Operator, Hashable {
    package static let kind = "Range"

    package init() {}

    package var arity: ClosedRange<Int> { 3...3 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        try requireOneType(inputs.present)
        return [ValueType(inputs[0].dtype, [.unknown])]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let tensors = inputs.present.map(\.tensor)
        guard tensors.allSatisfy({ $0.count == 1 }) else {
            throw FerryError(.shape, found: "inputs \(tensors.map(\.shape))", expected: "three scalars")
        }
        let bounds: [Double] = tensors.flatMap { $0.cast(to: .float64).elements(Double.self) }
        let count = ((bounds[1] - bounds[0]) / bounds[2]).rounded(.up)
        guard bounds[2] != 0, count.isFinite, count < Double(largestComputedCount) else {
            throw FerryError(.range, found: "a range \(bounds[0]) to \(bounds[1]) by \(bounds[2])", expected: "an end")
        }
        let steps = Tensor(shape: [max(0, Int(count))], of: Double.self) { target in
            for i in target.indices { target[i] = bounds[0] + Double(i) * bounds[2] }
        }
        return [Signal(steps.cast(to: tensors[0].dtype))]
    }
}

/// Which time steps count, bool [batch, time], where each sequence has its own length.
///
/// Inputs: the lengths [batch]; the sequences, [time, batch, …] where time comes first, else [batch, time, …].
package struct LengthMask: Operator, Hashable {
    package static let kind = "LengthMask"
    /// Whether time is the first axis of the sequences, and then of the mask.
    package var timeMajor: Bool

    /// Marks the steps before each length.
    package init(timeMajor: Bool) { self.timeMajor = timeMajor }

    package var arity: ClosedRange<Int> { 2...2 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard inputs[0].rank == 1, inputs[1].rank >= 2 else {
            throw FerryError(
                .shape, found: "lengths \(inputs[0].shape) of sequences \(inputs[1].shape)",
                expected: "one for each sequence")
        }
        return [ValueType(.bool, Array(inputs[1].shape.prefix(2)))]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let lengths = inputs[0].tensor.ints
        let shape = Array(inputs[1].tensor.shape.prefix(2))
        guard lengths.count == shape[timeMajor ? 1 : 0] else {
            throw FerryError(.shape, found: "\(lengths.count) lengths", expected: "\(shape[timeMajor ? 1 : 0])")
        }
        let time = shape[timeMajor ? 0 : 1]
        let mask = Tensor(lengths.flatMap { length in (0..<time).map { $0 < length } }, shape: [lengths.count, time])
        return [Signal(timeMajor ? mask.transposed([1, 0]) : mask)]
    }
}
