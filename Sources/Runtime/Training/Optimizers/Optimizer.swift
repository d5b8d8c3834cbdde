import FerryEngine

/// How parameters follow their gradients; equations and defaults are those of `keras.optimizers`, in float32.
public protocol Optimizer: Sendable {
    /// The name of the class in Keras, unique in ``OptimizerCatalogue``.
    static var kind: String { get }
    /// What all optimisers have in common.
    var settings: OptimizerSettings { get set }
    /// The names of the tensors kept for each parameter, as Keras calls them.
    var slotNames: [String] { get }
    /// The value that every element of a slot starts from.
    func initialValue(ofSlot name: String) -> Float
    /// The values of the numbers kept once for all parameters, at the start.
    var initialScalars: [(name: String, value: Float)] { get }
    /// Changes ``UpdateStep/scalars`` once before the parameters of a step.
    func begin(_ step: inout UpdateStep)
    /// Changes one parameter and its slots.
    func update(_ parameter: ParameterUpdate, _ step: UpdateStep)
}

extension Optimizer {
    public func initialValue(ofSlot name: String) -> Float { 0 }
    public var initialScalars: [(name: String, value: Float)] { [] }
    public func begin(_ step: inout UpdateStep) {}
    /// The name of the class in Keras.
    public var kind: String { Self.kind }
}

/// What all optimisers have in common; names and meanings are Keras's.
public struct OptimizerSettings: Sendable, Equatable {
    public var learningRate: LearningRate
    /// The share of each parameter, times the learning rate, that is taken away before an update.
    public var weightDecay: Double?
    /// The length that each parameter's gradient may have.
    public var clipNorm: Double?
    /// The length that all gradients together may have.
    public var globalClipNorm: Double?
    /// The size that each element of a gradient may have.
    public var clipValue: Double?
    /// The mean of the gradients of so many batches makes an update; nil for every batch.
    public var accumulationSteps: Int?
    /// How the loss is scaled for the sake of half precision; nil where it is not.
    public var lossScaling: LossScaling?
    /// Whether a moving average of the parameters is kept, which replaces them when training ends.
    public var usesMovingAverage = false
    /// Whether what Keras 2 does otherwise than Keras 3 is done as there: the parts of an embedding's gradient are summed
    /// before the optimiser sees them (see ``LookupGradient``), and averages start from the parameters as they were at
    /// first and not as the first update left them.
    public var followsKeras2 = false
    /// How slowly the average follows.
    public var averageMomentum = 0.99
    /// After how many updates, again and again, the average replaces the parameters; nil for only at the end.
    public var averageOverwriteFrequency: Int?

    /// Keras's defaults.
    public init(learningRate: LearningRate) { self.learningRate = learningRate }
}

/// Where an optimiser stands in training.
public struct UpdateStep {
    /// How many updates were made before this one.
    public var iteration: Int
    public var learningRate: Float
    /// The numbers kept once for all parameters.
    public var scalars: [String: Float] = [:]
    /// The number of this update, counted from 1, as powers take it.
    public var ordinal: Double { Double(iteration + 1) }
}

/// One parameter about to be changed; all arrays are as long as `count`.
public struct ParameterUpdate {
    public let weights: UnsafeMutablePointer<Float>
    public let gradient: UnsafePointer<Float>
    /// Where the gradient comes from lookups: the sums of the squares of their parts, which stand for the square of the
    /// gradient.
    public var squares: UnsafePointer<Float>?
    /// Where it does: the sums of the absolute values of their parts.
    public var magnitudes: UnsafePointer<Float>?
    /// In the order of ``Optimizer/slotNames``.
    public let slots: [UnsafeMutablePointer<Float>]
    public let count: Int

    /// What stands for the square of the gradient's `i`-th element.
    func square(_ i: Int) -> Float { squares?[i] ?? gradient[i] * gradient[i] }
    /// What stands for its absolute value.
    func magnitude(_ i: Int) -> Float { magnitudes?[i] ?? abs(gradient[i]) }
}
