public import FerryEngine

/// eˣ / Σ eˣ over several axes at once, or of what a mask leaves; ``Activation`` has the one over a single axis.
///
/// Inputs: x, and optionally what counts, of a shape that stretches to that of x; 1e9 is taken from what does not count.
public struct Softmax: Operator, Hashable {
    public static let kind = "Softmax"
    /// The axes, counted with the batch as axis 0; negative from the back.
    public var axes: [Int]

    /// Over `axes`.
    public init(axes: [Int]) { self.axes = axes }

    public var arity: ClosedRange<Int> { 1...2 }
    public func carriesMask(inputs: [Bool]) -> Bool { inputs[0] }
    public var timeLocality: TimeLocality { axes.allSatisfy { $0 < 0 || $0 > 1 } ? .perStep : .wholeSequence }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        _ = try checkedAxes(axes, rank: inputs[0].rank)
        if let mask = inputs[optional: 1], mask.rank > inputs[0].rank {
            throw FerryError(
                .shape, found: "a mask \(mask.shape) for \(inputs[0].shape)", expected: "one that stretches to it")
        }
        return [inputs[0].with(dtype: .float32)]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        var x = inputs[0].tensor.cast(to: .float32)
        if let counts = inputs[optional: 1]?.tensor.cast(to: .float32) {
            x = try x.combining(counts) { (x: Float, counts: Float) in x + (1 - counts) * -1e9 }
        }
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
