/// w ← w − r·g; with momentum v ← m·v − r·g, w ← w + v, or w ← w + m·v − r·g as Nesterov has it (Sutskever et al.
/// 2013).
public struct SGD: Optimizer {
    public static let kind = "SGD"
    public var settings: OptimizerSettings
    /// m
    public var momentum: Double
    public var isNesterov: Bool

    /// Keras's defaults.
    public init(learningRate: LearningRate = 0.01, momentum: Double = 0, isNesterov: Bool = false) {
        settings = OptimizerSettings(learningRate: learningRate)
        self.momentum = momentum
        self.isNesterov = isNesterov
    }

    public var slotNames: [String] { momentum == 0 ? [] : ["momentum"] }

    public func update(_ p: ParameterUpdate, _ step: UpdateStep) {
        let rate = step.learningRate
        guard let v = p.slots.first else {
            for i in 0..<p.count { p.weights[i] -= p.gradient[i] * rate }
            return
        }
        let momentum = Float(momentum)
        for i in 0..<p.count {
            v[i] = v[i] * momentum - p.gradient[i] * rate
            p.weights[i] += isNesterov ? v[i] * momentum - p.gradient[i] * rate : v[i]
        }
    }
}
