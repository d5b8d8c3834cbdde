public import FerryEngine

/// eˣ / Σ eˣ over several axes at once; ``Activation`` has the one over a single axis.
public struct Softmax: Operator, Hashable {
    public static let kind = "Softmax"
    /// The axes, counted with the batch as axis 0; negative from the back.
    public var axes: [Int]

    /// Over `axes`.
    public init(axes: [Int]) { self.axes = axes }

    public func carriesMask(inputs: [Bool]) -> Bool { inputs[0] }
    public var timeLocality: TimeLocality { axes.allSatisfy { $0 < 0 || $0 > 1 } ? .perStep : .wholeSequence }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        _ = try checkedAxes(axes, rank: inputs[0].rank)
        return [inputs[0].with(dtype: .float32)]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor.cast(to: .float32)
        let joined = try checkedAxes(axes, rank: x.rank)
        let order = (0..<x.rank).filter { !joined.contains($0) } + joined
        let moved = x.transposed(order)
        let length = joined.map { x.shape[$0] }.product
        let lines = moved.reshaped([length == 0 ? 0 : x.count / length, length])
        let y = try ActivationFunction.softmax(lines).reshaped(moved.shape)
        let inverse = (0..<x.rank).map { order.firstIndex(of: $0) ?? 0 }
        return [Signal(y.transposed(inverse), mask: inputs[0].mask)]
    }
}
