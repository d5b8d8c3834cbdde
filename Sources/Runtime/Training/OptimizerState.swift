import FerryEngine
public import OrderedCollections

/// What an optimiser remembers between two updates, so that training can go on where it stopped.
///
/// A plain value under the names of this model's parameters: every format that stores optimisers reads and writes it,
/// and the trainer starts from it and leaves it behind. Its ``slots`` are those that Keras 3 keeps, under Keras 3's
/// names; each holds every trainable parameter of the model, and nothing else:
///
/// | ``optimizer``     | ``slots``                                                                            |
/// |-------------------|--------------------------------------------------------------------------------------|
/// | `SGD`             | `momentum` where the setting `momentum` is not 0                                     |
/// | `RMSprop`         | `velocity`; `momentum` where that is not 0; `average_gradient` where `centered`      |
/// | `Adam`, `AdamW`   | `momentum`, `velocity`; `velocity_hat` where `amsgrad`                               |
/// | `Adagrad`         | `accumulator`                                                                        |
/// | `Adadelta`        | `accumulated_grad`, `accumulated_delta_var`                                          |
/// | `Adamax`          | `momentum`, `norm`                                                                   |
/// | `Nadam`           | `momentum`, `velocity`; among the ``scalars`` `u_product`                            |
/// | `Ftrl`            | `accumulator`, `linear`                                                              |
/// | `Lion`            | `momentum`                                                                           |
/// | `Lamb`            | `momentum`, `velocity`                                                               |
/// | `Adafactor`       | `row`, `column` for parameters of two axes and more; `velocity`                      |
///
/// Any of them also has `average` where `use_ema`, and `gradient_accumulator` where `gradient_accumulation_steps` is
/// set. Inside a `LossScaleOptimizer`, ``optimizer`` is the class inside it, and the ``scalars`` also hold
/// `step_counter` and `dynamic_scale`. The settings themselves stand in ``ModelMetadata/compileConfiguration``.
public struct OptimizerState: Sendable, Equatable {
    /// The optimiser's class as Keras 3 calls it: `Adam`, `SGD`, `RMSprop`, …
    public var optimizer: String
    /// The number of updates made so far, as Keras 3 counts them: every batch, also while gradients accumulate.
    public var iteration: Int
    /// The learning rate in force; nil where a schedule or the configuration decides it.
    public var learningRate: Float?
    /// The tensors kept for each parameter, by the slot's name, and in each slot by the parameter's name in the model
    /// (`lstm/kernel`).
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
