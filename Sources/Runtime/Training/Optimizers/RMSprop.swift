/// v ← ρv + (1 − ρ)g², w ← w − r·g / √(v + ε) (Hinton 2012); centred, v is reduced by the square of the mean gradient.
public struct RMSprop: Optimizer {
    public static let kind = "RMSprop"
    public var settings: OptimizerSettings
    /// ρ
    public var rho: Double
    /// How much of the last step is repeated.
    public var momentum: Double
    public var epsilon: Double
    public var isCentered: Bool

    /// Keras's defaults.
    public init(
        learningRate: LearningRate = 0.001, rho: Double = 0.9, momentum: Double = 0, epsilon: Double = 1e-7,
        isCentered: Bool = false
    ) {
        settings = OptimizerSettings(learningRate: learningRate)
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.isCentered = isCentered
    }

    public var slotNames: [String] {
        ["velocity"] + (momentum > 0 ? ["momentum"] : []) + (isCentered ? ["average_gradient"] : [])
    }

    public func update(_ p: ParameterUpdate, _ step: UpdateStep) {
        let (rate, rho, rest) = (step.learningRate, Float(rho), Float(1 - rho))
        let (epsilon, repeated) = (Float(epsilon), Float(momentum))
        let v = p.slots[0]
        let last = momentum > 0 ? p.slots[1] : nil
        let average = isCentered ? p.slots[p.slots.count - 1] : nil
        for i in 0..<p.count {
            let g = p.gradient[i]
            v[i] = rho * v[i] + rest * p.square(i)
            var square = v[i] + epsilon
            if let average {
                average[i] = rho * average[i] + rest * g
                square = v[i] - average[i] * average[i] + epsilon
            }
            let increment = rate * g / square.squareRoot()
            guard let last else {
                p.weights[i] -= increment
                continue
            }
            last[i] = repeated * last[i] + increment
            p.weights[i] -= last[i]
        }
    }
}
