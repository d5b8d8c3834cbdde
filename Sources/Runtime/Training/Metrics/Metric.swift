public import FerryEngine

/// A number that tells people how good predictions are; the meanings are those of `keras.metrics`.
///
/// A value that collects batches: copy it to start afresh.
public protocol Metric: Sendable {
    /// The name of the class in Keras, unique in ``MetricCatalogue``.
    static var kind: String { get }
    /// What it is called in logs.
    var name: String { get }
    /// Whether larger is better; decides what the best epoch is.
    var isBetterLarger: Bool { get }
    /// Takes a batch of predictions and targets in.
    ///
    /// - Parameter weights: what each value, or each sample, counts; nil for 1.
    /// - Throws: ``FerryError`` where they do not fit each other.
    mutating func add(_ prediction: Tensor, _ target: Tensor, weights: Tensor?) throws
    /// Whether steps that the mask of a prediction hides count nothing; Keras 3 counts them in areas and shares of
    /// positives.
    var followsMask: Bool { get }
    /// The number for everything taken in so far.
    var value: Double { get }
}

extension Metric {
    public var isBetterLarger: Bool { true }
    public var followsMask: Bool { true }
    /// Takes a batch of predictions and targets in, all of which count the same.
    ///
    /// - Throws: ``FerryError`` where they do not fit each other.
    public mutating func add(_ prediction: Tensor, _ target: Tensor) throws {
        try add(prediction, target, weights: nil)
    }
    /// The name of the class in Keras.
    public var kind: String { Self.kind }
}

/// The mean of a loss over all its values, or its root.
public struct MeanMetric: Metric {
    public static let kind = "Mean"
    public let name: String
    public var isBetterLarger: Bool { false }
    private let loss: any Loss
    private let takesRoot: Bool
    private var mean = WeightedMean()

    /// The mean of a loss, called `name`; its square root where `takesRoot`.
    public init(_ loss: any Loss, name: String, takesRoot: Bool = false) {
        self.loss = loss
        self.name = name
        self.takesRoot = takesRoot
    }

    public mutating func add(_ prediction: Tensor, _ target: Tensor, weights: Tensor?) throws {
        let prediction = prediction.cast(to: .float32)
        let values = try loss.values(prediction, loss.fitted(target, to: prediction))
        mean.add(values.floats, try weights?.spread(to: values.shape, "weights"))
    }

    public var value: Double { takesRoot ? mean.value.squareRoot() : mean.value }
}
