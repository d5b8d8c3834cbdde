import FerryEngine

extension Constraint {
    /// The parameter moved into the set (`keras.constraints`).
    func project(_ w: Tensor) -> Tensor {
        switch self {
        case .nonNegative: return w.map { (w: Float) in w >= 0 ? w : 0 }
        case .maxNorm(let maximum, let axes):
            let norms = norms(w, axes)
            return w * norms.map { (norm: Float) in min(max(norm, 0), Float(maximum)) / (1e-7 + norm) }
        case .unitNorm(let axes):
            return w * norms(w, axes).map { (norm: Float) in 1 / (1e-7 + norm) }
        case .minMaxNorm(let minimum, let maximum, let rate, let axes):
            let (low, high, rate) = (Float(minimum), Float(maximum), Float(rate))
            return w
                * norms(w, axes).map { (norm: Float) in
                    (rate * min(max(norm, low), high) + (1 - rate) * norm) / (1e-7 + norm)
                }
        }
    }

    /// √ of the sum of squares along `axes`, which stay with length 1.
    private func norms(_ w: Tensor, _ axes: [Int]) -> Tensor {
        let joined = axes.compactMap { resolvedAxis($0, rank: w.rank) }
        let shape = w.shape.indices.map { joined.contains($0) ? 1 : w.shape[$0] }
        return (w * w).summed(to: shape).map { (sum: Float) in sum.squareRoot() }
    }
}
