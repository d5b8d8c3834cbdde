public import FerryEngine

/// A layer that disturbs its input in training and passes it on unchanged in inference.
public struct Dropout: Operator, Hashable {
    public static let kind = "Dropout"

    /// How the input is disturbed.
    public enum Noise: Sendable, Hashable {
        /// Each element is dropped with the given rate; the lengths of `shape` that are 1 drop whole axes at once.
        case dropout(rate: Double, shape: [Int?]?, seed: Int?)
        /// Whole feature maps are dropped, in inputs with `axes` axes between batch and features.
        case spatial(rate: Double, axes: Int)
        /// Normal noise is added.
        case gaussian(deviation: Double)
        /// The input is multiplied by normal noise around 1.
        case gaussianDropout(rate: Double)
        /// Keeps mean and variance of SELU networks (Klambauer et al. 2017).
        case alpha(rate: Double, shape: [Int?]?)
        /// Adds a penalty on the size of its input to the loss.
        case activityPenalty(l1: Double, l2: Double)
    }

    /// How the input is disturbed.
    public var noise: Noise

    /// Plain dropout (Srivastava et al. 2014).
    public init(_ rate: Double) { noise = .dropout(rate: rate, shape: nil, seed: nil) }

    /// Any kind of noise.
    public init(_ noise: Noise) { self.noise = noise }

    public func carriesMask(inputs: [Bool]) -> Bool { inputs[0] }
    public var timeLocality: TimeLocality { .perStep }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] { [inputs[0]] }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        [inputs[0]]
    }
}
