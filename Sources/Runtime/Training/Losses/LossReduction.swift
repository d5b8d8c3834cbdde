import FerryEngine

/// How the values of a loss become one number (`reduction` in Keras).
public enum LossReduction: String, Sendable {
    /// Their weighted sum divided by how many there are; hidden steps do not count.
    case sumOverBatchSize = "sum_over_batch_size"
    case mean
    case sum
    /// Their weighted sum divided by the sum of the weights.
    case meanWithSampleWeight = "mean_with_sample_weight"

    /// What each of the values counts in the one number: its gradient.
    ///
    /// - Parameters:
    ///   - shape: that of the values, [batch, …].
    ///   - sampleWeights: one for each value, or for each sample; nil for 1.
    ///   - mask: which values count; nil where all do.
    /// - Throws: ``FerryError/Code/shape`` where weights or mask do not fit the values.
    func weights(_ shape: [Int], sampleWeights: Tensor?, mask: Tensor?) throws -> Tensor {
        var weights = [Float](repeating: 1, count: shape.product)
        if let mask {
            let counts = try mask.spread(to: shape, "mask").map { $0 != 0 }
            let visible = counts.count { $0 }
            let share = self == .sum || self == .meanWithSampleWeight ? 1 : Float(counts.count) / Float(max(visible, 1))
            for i in weights.indices { weights[i] = counts[i] ? share : 0 }
        }
        if let sampleWeights {
            for (i, weight) in try sampleWeights.spread(to: shape, "sample weights").enumerated() {
                weights[i] *= weight
            }
        }
        let divisor: Float =
            switch self {
            case .sum: 1
            case .sumOverBatchSize, .mean: Float(max(weights.count, 1))
            case .meanWithSampleWeight: weights.reduce(0, +)
            }
        return Tensor(weights.map { divisor == 0 ? 0 : $0 / divisor }, shape: shape)
    }
}
