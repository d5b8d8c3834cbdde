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
    /// - Throws: ``FerryError`` where they do not fit each other.
    mutating func add(_ prediction: Tensor, _ target: Tensor) throws
    /// The number for everything taken in so far.
    var value: Double { get }
}

extension Metric {
    public var isBetterLarger: Bool { true }
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
    private var sum = 0.0
    private var count = 0

    /// The mean of a loss, called `name`; its square root where `takesRoot`.
    public init(_ loss: any Loss, name: String, takesRoot: Bool = false) {
        self.loss = loss
        self.name = name
        self.takesRoot = takesRoot
    }

    public mutating func add(_ prediction: Tensor, _ target: Tensor) throws {
        let prediction = prediction.cast(to: .float32)
        let values = try loss.values(prediction, loss.fitted(target, to: prediction)).floats
        sum += values.reduce(0) { $0 + Double($1) }
        count += values.count
    }

    public var value: Double {
        let mean = count == 0 ? 0 : sum / Double(count)
        return takesRoot ? mean.squareRoot() : mean
    }
}
