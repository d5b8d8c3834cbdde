public import OrderedCollections

/// What an optimiser remembers between two updates, so that training can go on where it stopped.
///
/// A plain value under the names of this model's parameters: every format that stores optimisers reads and writes it,
/// and the trainer starts from it and leaves it behind.
public struct OptimizerState: Sendable, Equatable {
    /// The optimiser's class as Keras calls it: `Adam`, `SGD`, `RMSprop`, …
    public var optimizer: String
    /// The number of updates made so far.
    public var iteration: Int
    /// The learning rate in force; nil where a schedule or the configuration decides it.
    public var learningRate: Float?
    /// The tensors kept for each parameter, by the slot's name in Keras 3 (`momentum`, `velocity`, `velocity_hat`,
    /// `accumulator`, …), and in each slot by the parameter's name in the model (`lstm/kernel`).
    public var slots: OrderedDictionary<String, ParameterSet>
    /// The numbers kept once for all parameters, such as Nadam's `u_product`.
    public var scalars: OrderedDictionary<String, Float>

    /// A state from its parts.
    public init(
        optimizer: String, iteration: Int = 0, learningRate: Float? = nil,
        slots: OrderedDictionary<String, ParameterSet> = [:], scalars: OrderedDictionary<String, Float> = [:]
    ) {
        self.optimizer = optimizer
        self.iteration = iteration
        self.learningRate = learningRate
        self.slots = slots
        self.scalars = scalars
    }
}
