public import FerryEngine

/// [batch, …] to [batch, product of the rest].
public struct Flatten: Operator, Hashable {
    public static let kind = "Flatten"
    /// Whether axis 1 holds the channels, which then go last before flattening (Keras `channels_first`).
    public var channelsFirst = false

    /// Keras's default.
    public init() {}

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard let batch = inputs[0].shape.first else {
            throw FerryError(.shape, found: "a scalar", expected: "[batch, …]")
        }
        let lengths = inputs[0].shape.dropFirst().map(\.length)
        let product = lengths.contains(nil) ? nil : lengths.compactMap { $0 }.product
        return [inputs[0].with(shape: [batch, product.map(Dimension.fixed) ?? .unknown])]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        var x = inputs[0].tensor
        if channelsFirst && x.rank > 2 { x = x.transposed([0] + Array(2..<x.rank) + [1]) }
        return [Signal(x.reshaped([x.shape[0], x.shape.dropFirst().reduce(1, *)]))]
    }
}

/// [batch, …] to [batch] + shape, where one length of the shape may be −1.
public struct Reshape: Operator, Hashable {
    public static let kind = "Reshape"
    /// The lengths of the axes after the batch; −1 takes what is left.
    public var shape: [Int]

    /// Reshapes each sample to `shape`.
    public init(_ shape: Int...) { self.shape = shape }
    /// Reshapes each sample to `shape`.
    public init(shape: [Int]) { self.shape = shape }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard let batch = inputs[0].shape.first else {
            throw FerryError(.shape, found: "a scalar", expected: "[batch, …]")
        }
        let lengths = inputs[0].shape.dropFirst().map(\.length)
        guard !lengths.contains(nil) else {
            return [inputs[0].with(shape: [batch] + shape.map { $0 < 0 ? .unknown : .fixed($0) })]
        }
        return [inputs[0].with(shape: [batch] + (try resolved(lengths.compactMap { $0 }.product)).map(Dimension.fixed))]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor
        return [Signal(x.reshaped([x.shape[0]] + (try resolved(x.shape.dropFirst().reduce(1, *)))))]
    }

    /// The shape for samples of `count` elements.
    private func resolved(_ count: Int) throws -> [Int] {
        let known = shape.filter { $0 >= 0 }.product
        let isFree = shape.count { $0 < 0 } == 1
        let result = shape.map { $0 < 0 ? (known == 0 ? 0 : count / known) : $0 }
        guard isFree || known == count, result.product == count else {
            throw FerryError(.shape, found: "\(count) elements a sample", expected: "\(shape)")
        }
        return result
    }
}

/// Reorders the axes after the batch; the first of them is 1.
public struct Permute: Operator, Hashable {
    public static let kind = "Permute"
    /// Axis `i + 1` of the output is axis `axes[i]` of the input.
    public var axes: [Int]

    /// Puts the axes in the given order.
    public init(_ axes: Int...) { self.axes = axes }
    /// Puts the axes in the given order.
    public init(axes: [Int]) { self.axes = axes }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard axes.sorted() == Array(1..<inputs[0].rank) else {
            throw FerryError(.shape, found: "input \(inputs[0].shape)", expected: "the axes \(axes) after the batch")
        }
        return [inputs[0].with(shape: ([0] + axes).map { inputs[0].shape[$0] })]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        [Signal(inputs[0].tensor.transposed([0] + axes))]
    }
}

/// [batch, features] to [batch, count, features], the same row again and again.
public struct RepeatVector: Operator, Hashable {
    public static let kind = "RepeatVector"
    /// How often.
    public var count: Int

    /// Repeats each row `count` times.
    public init(_ count: Int) { self.count = count }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard inputs[0].rank == 2 else {
            throw FerryError(.shape, found: "input \(inputs[0].shape)", expected: "[batch, features]")
        }
        return [inputs[0].with(shape: [inputs[0].shape[0], .fixed(count), inputs[0].shape[1]])]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor
        return [Signal(x.reshaped([x.shape[0], 1, x.shape[1]]).broadcast(to: [x.shape[0], count, x.shape[1]]))]
    }
}
