/// How ``Trainer/fit(_:_:callbacks:)`` goes through the data; names and defaults are Keras's.
public struct FitOptions: Sendable {
    /// How often all samples are seen.
    public var epochs: Int
    /// How many samples make one update.
    public var batchSize = 32
    /// Whether samples come in another order in every epoch; the trainer's seed decides which.
    public var shuffles = true
    /// The share of samples, the last ones, that are kept for validation.
    public var validationShare = 0.0
    /// Samples for validation; they stand for ``validationShare``.
    public var validation: TrainingData?
    /// What each class of the targets counts; see ``TrainingData/weighted(byClass:)``.
    public var classWeights: [Int: Float] = [:]
    /// After how many time steps an update is made from their gradients alone, the states being carried on (truncated
    /// back-propagation through time, Williams & Peng 1990); nil for the whole sequence.
    public var truncation: Int?
    /// Whether stateful layers forget at the start of each epoch.
    public var resetsStates = false

    /// All samples, `epochs` times.
    public init(epochs: Int = 1, batchSize: Int = 32, shuffles: Bool = true) {
        self.epochs = epochs
        self.batchSize = batchSize
        self.shuffles = shuffles
    }
}
