/// a ← a + g², w ← w − r·g / √(a + ε) (Duchi et al. 2011)
public struct Adagrad: Optimizer {
    public static let kind = "Adagrad"
    public var settings: OptimizerSettings
    /// What a starts from.
    public var initialAccumulator: Double
    public var epsilon: Double

    /// Keras's defaults.
    public init(learningRate: LearningRate = 0.001, initialAccumulator: Double = 0.1, epsilon: Double = 1e-7) {
        settings = OptimizerSettings(learningRate: learningRate)
        self.initialAccumulator = initialAccumulator
        self.epsilon = epsilon
    }

    public var slotNames: [String] { ["accumulator"] }
    public func initialValue(ofSlot name: String) -> Float { Float(initialAccumulator) }

    public func update(_ p: ParameterUpdate, _ step: UpdateStep) {
        let (rate, epsilon) = (step.learningRate, Float(epsilon))
        let a = p.slots[0]
        for i in 0..<p.count {
            let g = p.gradient[i]
            a[i] += p.square(i)
            p.weights[i] -= rate * g / (a[i] + epsilon).squareRoot()
        }
    }
}

/// a ← ρa + (1 − ρ)g², δ = −g·√(d + ε) / √(a + ε), d ← ρd + (1 − ρ)δ², w ← w + r·δ (Zeiler 2012)
public struct Adadelta: Optimizer {
    public static let kind = "Adadelta"
    public var settings: OptimizerSettings
    /// ρ
    public var rho: Double
    public var epsilon: Double

    /// Keras's defaults.
    public init(learningRate: LearningRate = 0.001, rho: Double = 0.95, epsilon: Double = 1e-7) {
        settings = OptimizerSettings(learningRate: learningRate)
        self.rho = rho
        self.epsilon = epsilon
    }

    public var slotNames: [String] { ["accumulated_grad", "accumulated_delta_var"] }

    public func update(_ p: ParameterUpdate, _ step: UpdateStep) {
        let (rate, rho, rest, epsilon) = (step.learningRate, Float(rho), Float(1 - rho), Float(epsilon))
        let (a, d) = (p.slots[0], p.slots[1])
        for i in 0..<p.count {
            let g = p.gradient[i]
            a[i] = rho * a[i] + rest * p.square(i)
            let factor = (d[i] + epsilon).squareRoot() / (a[i] + epsilon).squareRoot()
            d[i] = rho * d[i] + rest * (factor * factor * p.square(i))
            p.weights[i] -= rate * factor * g
        }
    }
}
