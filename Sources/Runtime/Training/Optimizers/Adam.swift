import FerryEngine

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// m ← m + (1 − β₁)(g − m), v ← v + (1 − β₂)(g² − v), w ← w − α·m / (√v + ε), α = r·√(1 − β₂ᵗ) / (1 − β₁ᵗ) (Kingma & Ba
/// 2015); with AMSGrad the largest v so far divides (Reddi et al. 2018).
public struct Adam: Optimizer {
    public static let kind = "Adam"
    public var settings: OptimizerSettings
    public var beta1: Double
    public var beta2: Double
    public var epsilon: Double
    public var usesAMSGrad: Bool

    /// Keras's defaults.
    public init(
        learningRate: LearningRate = 0.001, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-7,
        usesAMSGrad: Bool = false
    ) {
        settings = OptimizerSettings(learningRate: learningRate)
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.usesAMSGrad = usesAMSGrad
    }

    public var slotNames: [String] { ["momentum", "velocity"] + (usesAMSGrad ? ["velocity_hat"] : []) }

    public func update(_ p: ParameterUpdate, _ step: UpdateStep) {
        let power1 = power(beta1, step.ordinal)
        let power2 = power(beta2, step.ordinal)
        let alpha = step.learningRate * (1 - power2).squareRoot() / (1 - power1)
        Kernels.best.updateByAdam(
            count: p.count, weights: p.weights, gradient: p.gradient, squares: p.squares, m: p.slots[0], v: p.slots[1],
            largestV: usesAMSGrad ? p.slots[2] : nil,
            AdamFactors(rest1: Float(1 - beta1), rest2: Float(1 - beta2), alpha: alpha, epsilon: Float(epsilon)))
    }
}

/// ``Adam`` with a weight decay of its own (Loshchilov & Hutter 2019).
public struct AdamW: Optimizer {
    public static let kind = "AdamW"
    /// The equations without the decay.
    private var adam: Adam

    /// Keras's defaults.
    public init(
        learningRate: LearningRate = 0.001, weightDecay: Double = 0.004, beta1: Double = 0.9, beta2: Double = 0.999,
        epsilon: Double = 1e-7, usesAMSGrad: Bool = false
    ) {
        adam = Adam(
            learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, usesAMSGrad: usesAMSGrad)
        adam.settings.weightDecay = weightDecay
    }

    /// ``Adam``'s equations behind the decay of its settings.
    public init(_ adam: Adam) { self.adam = adam }

    public var settings: OptimizerSettings {
        get { adam.settings }
        set { adam.settings = newValue }
    }
    /// The equations without the decay.
    public var equations: Adam { adam }
    public var slotNames: [String] { adam.slotNames }
    public func update(_ p: ParameterUpdate, _ step: UpdateStep) { adam.update(p, step) }
}

/// m ← m + (1 − β₁)(g − m), u ← max(β₂u, |g|), w ← w − r·m / ((1 − β₁ᵗ)(u + ε)) (Kingma & Ba 2015, section 7.1)
public struct Adamax: Optimizer {
    public static let kind = "Adamax"
    public var settings: OptimizerSettings
    public var beta1: Double
    public var beta2: Double
    public var epsilon: Double

    /// Keras's defaults.
    public init(
        learningRate: LearningRate = 0.001, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-7
    ) {
        settings = OptimizerSettings(learningRate: learningRate)
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
    }

    public var slotNames: [String] { ["momentum", "norm"] }

    public func update(_ p: ParameterUpdate, _ step: UpdateStep) {
        let rest = 1 - power(beta1, step.ordinal)
        let (rest1, beta2, epsilon, rate) = (Float(1 - beta1), Float(beta2), Float(epsilon), step.learningRate)
        let (m, u) = (p.slots[0], p.slots[1])
        for i in 0..<p.count {
            let g = p.gradient[i]
            m[i] += (g - m[i]) * rest1
            u[i] = max(beta2 * u[i], p.magnitude(i))
            p.weights[i] -= rate * m[i] / (rest * (u[i] + epsilon))
        }
    }
}

/// ``Adam`` with Nesterov's momentum (Dozat 2016).
public struct Nadam: Optimizer {
    public static let kind = "Nadam"
    public var settings: OptimizerSettings
    public var beta1: Double
    public var beta2: Double
    public var epsilon: Double

    /// Keras's defaults.
    public init(
        learningRate: LearningRate = 0.001, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-7
    ) {
        settings = OptimizerSettings(learningRate: learningRate)
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
    }

    public var slotNames: [String] { ["momentum", "velocity"] }
    public var initialScalars: [(name: String, value: Float)] { [("u_product", 1)] }

    public func begin(_ step: inout UpdateStep) {
        step.scalars["u_product", default: 1] *= momentum(step.ordinal)
    }

    public func update(_ p: ParameterUpdate, _ step: UpdateStep) {
        let (now, next) = (momentum(step.ordinal), momentum(step.ordinal + 1))
        let product = step.scalars["u_product"] ?? 1
        let (rest1, rest2) = (1 - Float(beta1), 1 - Float(beta2))
        let correction = 1 - power(beta2, step.ordinal)
        let (rate, epsilon) = (step.learningRate, Float(epsilon))
        let (m, v) = (p.slots[0], p.slots[1])
        for i in 0..<p.count {
            let g = p.gradient[i]
            m[i] += (g - m[i]) * rest1
            v[i] += (p.square(i) - v[i]) * rest2
            let ahead = next * m[i] / (1 - product * next) + (1 - now) * g / (1 - product)
            p.weights[i] -= ahead * rate / ((v[i] / correction).squareRoot() + epsilon)
        }
    }

    /// β₁(1 − ½·0.96ᵗ)
    private func momentum(_ ordinal: Double) -> Float { Float(beta1) * (1 - 0.5 * power(0.96, ordinal)) }
}

/// The power of a float32 base, as float32.
private func power(_ base: Double, _ exponent: Double) -> Float { powf(Float(base), Float(exponent)) }
