public import OrderedCollections

/// What each epoch gave.
public struct TrainingHistory: Sendable, Equatable {
    /// The epochs, in order.
    public var epochs: [EpochResult] = []
    /// Why training ended before its last epoch; nil where it did not.
    public var stopReason: String?

    /// No epoch yet.
    public init() {}

    /// The losses of the epochs.
    public var losses: [Double] { values("loss") }

    /// One number of each epoch that has it, such as `val_loss`.
    public func values(_ name: String) -> [Double] { epochs.compactMap { $0.values[name] } }
}

/// What one epoch gave.
public struct EpochResult: Sendable, Equatable {
    /// Counted from 0.
    public var epoch: Int
    /// `loss`, metrics, and the same with `val_` before their names for the validation data.
    public var values: OrderedDictionary<String, Double>
    /// The learning rate of the epoch's last update.
    public var learningRate: Float

    /// A result from its parts.
    public init(epoch: Int, values: OrderedDictionary<String, Double>, learningRate: Float) {
        self.epoch = epoch
        self.values = values
        self.learningRate = learningRate
    }
}

/// How far an epoch has come.
public struct BatchProgress: Sendable {
    /// Counted from 0.
    public var epoch: Int
    public var epochs: Int
    /// The samples seen in this epoch.
    public var samples: Int
    /// The samples of an epoch.
    public var total: Int
    /// The mean loss of this epoch so far.
    public var loss: Double
}
