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

extension Signal {
    /// The same numbers with a mask that a call was given; any number but 0 counts as true, as in Keras.
    ///
    /// - Throws: ``FerryError/Code/shape`` where the mask does not say for each time step whether it counts.
    func masked(by mask: Tensor?) throws -> Signal {
        guard let mask else { return Signal(tensor) }
        guard mask.rank == 2, tensor.shape.prefix(2).elementsEqual(mask.shape) else {
            throw FerryError(
                .shape, found: "a mask \(mask.shape) for \(tensor.shape)", expected: "one for each time step",
                remedy: "give the mask the first two axes of the input")
        }
        return Signal(tensor, mask: mask.dtype == .bool ? mask : mask.cast(to: .bool))
    }
}

extension [Signal?] {
    /// Gives the first input of a call the mask that the call says.
    mutating func apply(_ source: Graph.MaskSource, _ values: [Signal?]) throws {
        guard source != .carried, let first = first.flatMap({ $0 }) else { return }
        self[0] = try first.masked(by: source.value.flatMap { values[$0.index]?.tensor })
    }
}
