import FerryEngine

/// What a model is trained for and how: what Keras's `compile` is told.
public struct TrainingConfiguration: Sendable {
    /// How parameters follow their gradients.
    public var optimizer: any Optimizer
    /// The loss of each output, in the model's order; nil where an output has none.
    public var losses: [OutputLoss?]
    /// The metrics of each output, in the model's order.
    public var metrics: [[any Metric]]
    /// The metrics of each output in which samples count by their weights (`weighted_metrics` in Keras).
    public var weightedMetrics: [[any Metric]] = []
    /// What a file says and training leaves out.
    public var notes: [String] = []

    /// One loss for every output.
    public init(optimizer: any Optimizer, loss: any Loss, metrics: [any Metric] = []) {
        self.init(optimizer: optimizer, losses: [OutputLoss(loss)], metrics: [metrics])
    }

    /// A loss and metrics for each output; the only one in a list is meant for every output.
    public init(optimizer: any Optimizer, losses: [OutputLoss?], metrics: [[any Metric]] = []) {
        self.optimizer = optimizer
        self.losses = losses
        self.metrics = metrics
    }
}

/// The loss of one output.
public struct OutputLoss: Sendable {
    public var loss: any Loss
    /// What the loss counts beside those of other outputs.
    public var weight: Double
    public var reduction: LossReduction

    /// A loss that counts fully.
    public init(_ loss: any Loss, weight: Double = 1, reduction: LossReduction = .sumOverBatchSize) {
        self.loss = loss
        self.weight = weight
        self.reduction = reduction
    }
}
