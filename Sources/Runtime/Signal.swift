public import FerryEngine

/// A value that flows through a model: a tensor and, where Keras would attach one, the mask of its time steps.
public struct Signal: Sendable {
    /// The numbers.
    public var tensor: Tensor
    /// Which time steps count, bool [batch, time]; nil where all do.
    public var mask: Tensor?

    /// A value with its mask.
    public init(_ tensor: Tensor, mask: Tensor? = nil) {
        self.tensor = tensor
        self.mask = mask
    }
}
