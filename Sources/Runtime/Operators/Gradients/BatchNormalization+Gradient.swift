public import FerryEngine

/// The statistics of a batch as the backward pass needs them; nil factors where moving statistics were used.
public struct BatchStatistics {
    /// (x − mean) / √(variance + ε) in the order features last, [rows, features].
    let normalized: Tensor
    /// 1 / √(variance + ε)
    let factors: [Float]
    /// How much each row counts, which sums to 1; nil where the statistics do not depend on the batch.
    let weights: [Float]?
    let order: [Int]
    let moved: [Int]
}

extension BatchNormalization: TrainableOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: BatchStatistics) {
        let x = inputs[0].tensor.cast(to: .float32)
        let axis = try checkedAxis(axis, rank: x.rank)
        let order = (0..<x.rank).filter { $0 != axis } + [axis]
        let moved = x.transposed(order)
        let features = x.shape[axis]
        let rows = moved.reshaped([features == 0 ? 0 : x.count / features, features])
        let usesBatch = pass.isTraining && pass.trainsLayer
        let weights = usesBatch ? rowWeights(inputs[0].mask, rows.shape[0]) : nil
        let (mean, variance) =
            try weights.map { moments(rows, $0) }
            ?? (parameters.required("moving_mean").floats, parameters.required("moving_variance").floats)
        if usesBatch {
            pass.updates["moving_mean"] = try following(parameters.required("moving_mean"), towards: mean)
            pass.updates["moving_variance"] = try following(parameters.required("moving_variance"), towards: variance)
        }
        let factors = variance.map { 1 / ($0 + epsilon).squareRoot() }
        let normalized = (rows - Tensor(mean, shape: [1, features])) * Tensor(factors, shape: [1, features])
        var y = normalized
        if scale { y = y * (try parameters.required("gamma").reshaped([1, features])) }
        if center { y = y + (try parameters.required("beta").reshaped([1, features])) }
        return (
            [Signal(y.reshaped(moved.shape).untransposed(order), mask: inputs[0].mask)],
            BatchStatistics(
                normalized: normalized, factors: factors, weights: weights, order: order, moved: moved.shape)
        )
    }

    /// Ioffe & Szegedy 2015, section 3, with a weight for each row.
    public func backward(
        _ outputs: [Tensor?], _ cache: BatchStatistics, _ parameters: ParameterSet
    ) throws -> Gradients {
        guard let output = outputs[0] else { return Gradients(inputs: [nil]) }
        let dy = output.transposed(cache.order).reshaped(cache.normalized.shape)
        let features = cache.factors.count
        let sum = dy.summedOverRows()
        let dot = (dy * cache.normalized).summedOverRows()
        var gradients = ParameterSet()
        if scale { gradients["gamma"] = dot }
        if center { gradients["beta"] = sum }
        let gamma = scale ? try parameters.required("gamma").floats : [Float](repeating: 1, count: features)
        let slopes = Tensor(zip(gamma, cache.factors).map { $0 * $1 }, shape: [1, features])
        var dx = dy
        if let weights = cache.weights {
            let shares = Tensor(weights, shape: [weights.count, 1])
            dx = dx - shares * (sum.reshaped([1, features]) + cache.normalized * dot.reshaped([1, features]))
        }
        return Gradients(
            inputs: [(dx * slopes).reshaped(cache.moved).untransposed(cache.order)], parameters: gradients)
    }

    /// How much each row counts: equally, or only where the mask shows its step.
    private func rowWeights(_ mask: Tensor?, _ rows: Int) -> [Float] {
        guard let mask, mask.count > 0, rows % mask.count == 0 else {
            return [Float](repeating: 1 / Float(max(rows, 1)), count: rows)
        }
        let counts = mask.elements(Bool.self)
        let perStep = rows / mask.count
        // Keras adds its ε to what it divides by (`BatchNormalization._moments`).
        let share = 1 / (Float(counts.count { $0 } * perStep) + 1e-7)
        return (0..<rows).map { counts[$0 / perStep] ? share : 0 }
    }

    private func moments(_ rows: Tensor, _ weights: [Float]) -> (mean: [Float], variance: [Float]) {
        let features = rows.shape[1]
        var (mean, variance) = ([Double](repeating: 0, count: features), [Double](repeating: 0, count: features))
        rows.withUnsafeElements { (x: UnsafeBufferPointer<Float>) in
            for row in weights.indices {
                for i in 0..<features { mean[i] += Double(weights[row]) * Double(x[row * features + i]) }
            }
            for row in weights.indices {
                for i in 0..<features {
                    let distance = Double(x[row * features + i]) - mean[i]
                    variance[i] += Double(weights[row]) * distance * distance
                }
            }
        }
        return (mean.map { Float($0) }, variance.map { Float($0) })
    }

    private func following(_ statistic: Tensor, towards value: [Float]) -> Tensor {
        let momentum = Float(momentum)
        return Tensor(zip(statistic.floats, value).map { $0 * momentum + $1 * (1 - momentum) }, shape: statistic.shape)
    }
}
