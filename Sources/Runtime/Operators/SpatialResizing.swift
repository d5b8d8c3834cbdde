public import FerryEngine

/// Repeats each element along the axes between batch and features (`UpSampling1D` … of Keras, nearest neighbour).
public struct UpSampling: Operator, Hashable {
    public static let kind = "UpSampling"
    /// How often along each axis.
    public var factors: [Int]
    public var channelsFirst = false

    /// Repeats as often as `factors` says.
    public init(_ factors: [Int]) { self.factors = factors }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        try resized(inputs[0], channelsFirst, factors.count) { .fixed($1 * factors[$0]) }
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        var x = inputs[0].tensor
        for (i, axis) in FeatureAxis(channelsFirst).spatial(rank: x.rank).enumerated() {
            x = x.gathering((0..<(x.shape[axis] * factors[i])).map { $0 / factors[i] }, axis: axis)
        }
        return [Signal(x)]
    }
}

/// Adds zeros before and behind along the axes between batch and features (`ZeroPadding1D` … of Keras).
public struct ZeroPadding: Operator, Hashable {
    public static let kind = "ZeroPadding"
    /// How many are added along each axis.
    public var amounts: [SpatialMargin]
    public var channelsFirst = false

    /// Adds as many as `amounts` says.
    public init(_ amounts: [SpatialMargin]) { self.amounts = amounts }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        try resized(inputs[0], channelsFirst, amounts.count) { .fixed($1 + amounts[$0].before + amounts[$0].behind) }
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        var x = inputs[0].tensor
        for (i, axis) in FeatureAxis(channelsFirst).spatial(rank: x.rank).enumerated() {
            func zeros(_ count: Int) -> Tensor {
                var shape = x.shape
                shape[axis] = count
                return Tensor(zeros: shape, dtype: x.dtype)
            }
            x = .concatenated([zeros(amounts[i].before), x, zeros(amounts[i].behind)], axis: axis)
        }
        return [Signal(x)]
    }
}

/// Cuts elements off before and behind along the axes between batch and features (`Cropping1D` … of Keras).
public struct Cropping: Operator, Hashable {
    public static let kind = "Cropping"
    /// How many are cut off along each axis.
    public var amounts: [SpatialMargin]
    public var channelsFirst = false

    /// Cuts off as many as `amounts` says.
    public init(_ amounts: [SpatialMargin]) { self.amounts = amounts }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        try resized(inputs[0], channelsFirst, amounts.count) { i, length in
            let rest = length - amounts[i].before - amounts[i].behind
            guard rest >= 0 else {
                throw FerryError(.shape, found: "input \(inputs[0].shape)", expected: "more than is cut off")
            }
            return .fixed(rest)
        }
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        var x = inputs[0].tensor
        for (i, axis) in FeatureAxis(channelsFirst).spatial(rank: x.rank).enumerated() {
            let count = x.shape[axis] - amounts[i].before - amounts[i].behind
            x = x.sliced(axis: axis, from: amounts[i].before, count: count)
        }
        return [Signal(x)]
    }
}

/// How many elements before and behind along one axis.
public struct SpatialMargin: Sendable, Hashable {
    public var before: Int
    public var behind: Int

    /// A margin from its two parts.
    public init(_ before: Int, _ behind: Int) {
        self.before = before
        self.behind = behind
    }
}

/// The type of an input whose axes between batch and features get other lengths; free ones stay free.
private func resized(
    _ input: ValueType, _ channelsFirst: Bool, _ axes: Int, _ length: (Int, Int) throws -> Dimension
) throws -> [ValueType] {
    guard input.rank == axes + 2 else {
        throw FerryError(
            .shape, found: "input \(input.shape)", expected: "\(axes + 2) axes, batch and features among them")
    }
    var shape = input.shape
    for (i, axis) in FeatureAxis(channelsFirst).spatial(rank: input.rank).enumerated() {
        shape[axis] = try shape[axis].length.map { try length(i, $0) } ?? .unknown
    }
    return [input.with(shape: shape)]
}
