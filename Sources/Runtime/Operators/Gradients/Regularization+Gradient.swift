public import FerryEngine

/// How a disturbed element depends on the input: y = factor∘x + offset, with a penalty's gradient beside it.
public struct NoiseCache {
    /// nil where the input passes unchanged.
    var factors: Tensor?
    /// dL/dx of what the layer adds to the loss.
    var penaltyGradient: Tensor?
}

extension Dropout: TrainableOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: NoiseCache) {
        let x = inputs[0].tensor
        if case .activityPenalty(let l1, let l2) = noise {
            let regularizer = Regularizer.l1l2(l1: l1, l2: l2)
            let gradient = regularizer.activityPenalty(x.cast(to: .float32), &pass)
            return ([inputs[0]], NoiseCache(penaltyGradient: gradient))
        }
        guard pass.isTraining else { return ([inputs[0]], NoiseCache()) }
        let (factors, offsets) = disturbance(x.shape, &pass.random)
        var y = x.cast(to: .float32)
        if let factors { y = y * factors }
        if let offsets { y = y + offsets }
        return ([Signal(y, mask: inputs[0].mask)], NoiseCache(factors: factors))
    }

    public func backward(_ outputs: [Tensor?], _ cache: NoiseCache, _ parameters: ParameterSet) throws -> Gradients {
        let passed = outputs[0].map { dy in cache.factors.map { dy * $0 } ?? dy }
        return Gradients(inputs: [.sum(passed, cache.penaltyGradient)])
    }

    /// What the input is multiplied by, and what is added to it.
    private func disturbance(_ shape: [Int], _ random: inout RandomSource) -> (factors: Tensor?, offsets: Tensor?) {
        switch noise {
        case .dropout(let rate, let noiseShape, _):
            guard rate > 0 else { return (nil, nil) }
            return (random.dropoutMask(resolved(noiseShape, shape), rate: rate), nil)
        case .spatial(let rate, let axes):
            guard rate > 0, shape.count == axes + 2 else { return (nil, nil) }
            let maps = [shape[0]] + Array(repeating: 1, count: axes) + [shape[shape.count - 1]]
            return (random.dropoutMask(maps, rate: rate), nil)
        case .gaussian(let deviation): return (nil, random.normal(shape, deviation: deviation))
        case .gaussianDropout(let rate):
            guard rate > 0 else { return (nil, nil) }
            return (random.normal(shape, mean: 1, deviation: (rate / (1 - rate)).squareRoot()), nil)
        case .alpha(let rate, let noiseShape):
            guard rate > 0 else { return (nil, nil) }
            return alphaDisturbance(resolved(noiseShape, shape), rate, &random)
        case .activityPenalty: return (nil, nil)
        }
    }

    /// a·(x∘kept + α′·dropped) + b, which keeps mean and variance (Keras `AlphaDropout`).
    private func alphaDisturbance(
        _ shape: [Int], _ rate: Double, _ random: inout RandomSource
    ) -> (factors: Tensor?, offsets: Tensor?) {
        let saturation = -1.673_263_242_354_377_2 * 1.050_700_987_355_480_5
        let a = 1 / ((1 - rate) * (1 + rate * saturation * saturation)).squareRoot()
        let b = -a * saturation * rate
        let kept = random.uniform(shape, in: 0..<1).map { (u: Float) in u >= Float(rate) ? Float(1) : 0 }
        return (
            kept.map { (kept: Float) in kept * Float(a) },
            kept.map { (kept: Float) in Float(a * saturation) * (1 - kept) + Float(b) }
        )
    }

    private func resolved(_ noiseShape: [Int?]?, _ shape: [Int]) -> [Int] {
        noiseShape.map { zip($0, shape).map { $0 ?? $1 } } ?? shape
    }
}

extension Masking: TrainableOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: Tensor?) {
        let outputs = try plain(inputs, parameters)
        return (outputs, outputs[0].mask)
    }

    public func backward(_ outputs: [Tensor?], _ cache: Tensor?, _ parameters: ParameterSet) throws -> Gradients {
        guard let dy = outputs[0], let mask = cache else { return Gradients(inputs: [outputs[0]]) }
        return Gradients(inputs: [dy * mask.cast(to: .float32).reshaped(mask.shape + [1])])
    }
}
