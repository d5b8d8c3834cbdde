import FerryEngine

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Keras's `backend.epsilon()`.
let kerasEpsilon: Float = 1e-7

/// mean (p − t)²
public struct MeanSquaredError: ElementLoss {
    public static let kind = "MeanSquaredError"
    /// The loss.
    public init() {}
    func value(_ p: Float, _ t: Float) -> Float { (t - p) * (t - p) }
    func slope(_ p: Float, _ t: Float) -> Float { 2 * (p - t) }
}

/// mean |p − t|
public struct MeanAbsoluteError: ElementLoss {
    public static let kind = "MeanAbsoluteError"
    /// The loss.
    public init() {}
    func value(_ p: Float, _ t: Float) -> Float { abs(t - p) }
    func slope(_ p: Float, _ t: Float) -> Float { p > t ? 1 : p < t ? -1 : 0 }
}

/// 100 · mean |(t − p) / max(|t|, ε)|
public struct MeanAbsolutePercentageError: ElementLoss {
    public static let kind = "MeanAbsolutePercentageError"
    /// The loss.
    public init() {}
    func value(_ p: Float, _ t: Float) -> Float { 100 * abs((t - p) / max(abs(t), kerasEpsilon)) }
    func slope(_ p: Float, _ t: Float) -> Float { (p > t ? 100 : p < t ? -100 : 0) / max(abs(t), kerasEpsilon) }
}

/// mean (ln(max(p, ε) + 1) − ln(max(t, ε) + 1))²
public struct MeanSquaredLogarithmicError: ElementLoss {
    public static let kind = "MeanSquaredLogarithmicError"
    /// The loss.
    public init() {}
    func value(_ p: Float, _ t: Float) -> Float { distance(p, t) * distance(p, t) }
    func slope(_ p: Float, _ t: Float) -> Float { p < kerasEpsilon ? 0 : 2 * distance(p, t) / (p + 1) }
    private func distance(_ p: Float, _ t: Float) -> Float {
        logf(max(p, kerasEpsilon) + 1) - logf(max(t, kerasEpsilon) + 1)
    }
}

/// ½e² where |e| ≤ δ, else δ|e| − ½δ², with e = p − t (Huber 1964)
public struct Huber: ElementLoss {
    public static let kind = "Huber"
    /// δ
    public var delta: Float
    /// Keras's default is 1.
    public init(delta: Float = 1) { self.delta = delta }
    func value(_ p: Float, _ t: Float) -> Float {
        let e = abs(p - t)
        return e <= delta ? 0.5 * e * e : delta * e - 0.5 * delta * delta
    }
    func slope(_ p: Float, _ t: Float) -> Float {
        let e = p - t
        return abs(e) <= delta ? e : e > 0 ? delta : -delta
    }
}

/// mean ln cosh(p − t)
public struct LogCosh: ElementLoss {
    public static let kind = "LogCosh"
    /// The loss.
    public init() {}
    func value(_ p: Float, _ t: Float) -> Float {
        let e = p - t
        return e + ActivationFunction.softplus.scalar(-2 * e) - logf(2)
    }
    func slope(_ p: Float, _ t: Float) -> Float { tanhf(p - t) }
}

/// mean p − t ln(p + ε)
public struct Poisson: ElementLoss {
    public static let kind = "Poisson"
    /// The loss.
    public init() {}
    func value(_ p: Float, _ t: Float) -> Float { p - t * logf(p + kerasEpsilon) }
    func slope(_ p: Float, _ t: Float) -> Float { 1 - t / (p + kerasEpsilon) }
}

/// −Σ p/‖p‖ · t/‖t‖
public struct CosineSimilarity: LineLoss {
    public static let kind = "CosineSimilarity"
    /// The loss.
    public init() {}

    func value(_ p: UnsafeBufferPointer<Float>, _ t: UnsafeBufferPointer<Float>) -> Float {
        -zip(p, t).reduce(0) { $0 + $1.0 * $1.1 } * factor(p) * factor(t)
    }

    func gradient(
        _ p: UnsafeBufferPointer<Float>, _ t: UnsafeBufferPointer<Float>, _ weight: Float,
        into gradient: UnsafeMutableBufferPointer<Float>
    ) {
        let (a, b) = (factor(p), factor(t))
        let cosine = -value(p, t)
        // The length that divides is held from zero, and has no slope there.
        let bends = a * a * 1e-12 < 1
        for i in p.indices { gradient[i] = -weight * a * (t[i] * b - (bends ? cosine * p[i] * a : 0)) }
    }

    private func factor(_ line: UnsafeBufferPointer<Float>) -> Float {
        1 / max(line.reduce(0) { $0 + $1 * $1 }, 1e-12).squareRoot()
    }
}

/// Σ t ln(t / p), with both held in ε … 1
public struct KLDivergence: LineLoss {
    public static let kind = "KLDivergence"
    public static let targetDescription = "probabilities of the prediction's shape"
    /// The loss.
    public init() {}

    func value(_ p: UnsafeBufferPointer<Float>, _ t: UnsafeBufferPointer<Float>) -> Float {
        zip(p, t).reduce(0) { sum, pair in
            let (p, t) = (held(pair.0), held(pair.1))
            return sum + t * logf(t / p)
        }
    }

    func gradient(
        _ p: UnsafeBufferPointer<Float>, _ t: UnsafeBufferPointer<Float>, _ weight: Float,
        into gradient: UnsafeMutableBufferPointer<Float>
    ) {
        for i in p.indices { gradient[i] = p[i] < kerasEpsilon || p[i] > 1 ? 0 : -weight * held(t[i]) / p[i] }
    }

    private func held(_ x: Float) -> Float { min(max(x, kerasEpsilon), 1) }
}
