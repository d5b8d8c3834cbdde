import FerryEngine

/// Targets −1 and 1; where all are 0 or 1 they are taken for −1 and 1.
protocol SignedTargets: ElementLoss {}

extension SignedTargets {
    public static var targetDescription: String { "−1 and 1 (or 0 and 1) of the prediction's shape" }

    public func values(_ prediction: Tensor, _ target: Tensor) throws -> Tensor {
        let target = signed(target)
        return prediction.valuesOfLines(target) { p, t in
            p.indices.reduce(Float(0)) { $0 + value(p[$1], t[$1]) } / Float(p.count)
        }
    }

    public func gradient(_ prediction: Tensor, _ target: Tensor, weights: Tensor) throws -> Tensor {
        prediction.gradientOfLines(signed(target), weights) { p, t, weight, gradient in
            for i in p.indices { gradient[i] = weight / Float(p.count) * slope(p[i], t[i]) }
        }
    }

    private func signed(_ target: Tensor) -> Tensor {
        let values: [Float] = target.elements()
        guard values.allSatisfy({ $0 == 0 || $0 == 1 }) else { return target }
        return target.map { (t: Float) in 2 * t - 1 }
    }
}

/// mean max(1 − t·p, 0)
public struct Hinge: SignedTargets {
    public static let kind = "Hinge"
    /// The loss.
    public init() {}
    func value(_ p: Float, _ t: Float) -> Float { max(1 - t * p, 0) }
    func slope(_ p: Float, _ t: Float) -> Float { 1 - t * p > 0 ? -t : 0 }
}

/// mean max(1 − t·p, 0)²
public struct SquaredHinge: SignedTargets {
    public static let kind = "SquaredHinge"
    /// The loss.
    public init() {}
    func value(_ p: Float, _ t: Float) -> Float { max(1 - t * p, 0) * max(1 - t * p, 0) }
    func slope(_ p: Float, _ t: Float) -> Float { -2 * t * max(1 - t * p, 0) }
}

/// max(max((1 − t)·p) − Σ t·p + 1, 0)
public struct CategoricalHinge: LineLoss {
    public static let kind = "CategoricalHinge"
    /// The loss.
    public init() {}

    func value(_ p: UnsafeBufferPointer<Float>, _ t: UnsafeBufferPointer<Float>) -> Float {
        let positive = zip(p, t).reduce(0) { $0 + $1.0 * $1.1 }
        let negative = zip(p, t).map { (1 - $1) * $0 }.max() ?? 0
        return max(negative - positive + 1, 0)
    }

    func gradient(
        _ p: UnsafeBufferPointer<Float>, _ t: UnsafeBufferPointer<Float>, _ weight: Float,
        into gradient: UnsafeMutableBufferPointer<Float>
    ) {
        let negatives = zip(p, t).map { (1 - $1) * $0 }
        let largest = negatives.max() ?? 0
        let winners = Float(negatives.count { $0 == largest })
        let isOn = value(p, t) > 0
        for i in p.indices {
            let negative = negatives[i] == largest ? (1 - t[i]) / winners : 0
            gradient[i] = isOn ? weight * (negative - t[i]) : 0
        }
    }
}
