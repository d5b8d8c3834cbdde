public import FerryEngine

/// Hides time steps whose features all equal one value from the layers behind: [batch, time, features].
public struct Masking: Operator, Hashable {
    public static let kind = "Masking"

    /// The value that marks padding.
    public var value: Float

    /// Hides steps filled with `value`.
    public init(_ value: Float = 0) { self.value = value }

    public func carriesMask(inputs: [Bool]) -> Bool { true }
    public var timeLocality: TimeLocality { .perStep }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard inputs[0].rank >= 2 else {
            throw FerryError(.shape, found: "input \(inputs[0].shape)", expected: "[batch, time, features]")
        }
        return [inputs[0].with(dtype: .float32)]
    }

    /// Hidden steps become zeros, as in Keras.
    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor.cast(to: .float32)
        let features = x.shape[x.rank - 1]
        let values = x.floats
        let steps = features == 0 ? 0 : values.count / features
        let counts = (0..<steps).map { step in
            values[(step * features)..<((step + 1) * features)].contains { $0 != value }
        }
        let mask = Tensor(counts, shape: Array(x.shape.dropLast()))
        let rows = x.reshaped([steps, features])
        let kept = rows.selectingRows(mask.reshaped([steps]), otherwise: Tensor(zeros: rows.shape))
        return [Signal(kept.reshaped(x.shape), mask: mask)]
    }
}
