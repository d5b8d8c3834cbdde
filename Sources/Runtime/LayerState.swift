public import FerryEngine

/// What a layer remembers between calls: the states of a recurrence, and those of the layers inside it.
///
/// A plain value: copying it saves a stream, assigning it restores one.
public struct LayerState: Sendable {
    /// The state tensors of this layer, [batch, units] each; empty before the first call.
    public var tensors: [Tensor] = []
    /// The states of the layers inside this one, by name.
    public var children: [String: LayerState] = [:]
    /// Whether recurrent layers go on from their last state even where the model does not call them stateful.
    public let isStreaming: Bool

    /// No memory yet.
    public init(isStreaming: Bool = false) { self.isStreaming = isStreaming }

    /// Runs `body` with the state of the layer `name` inside this one.
    public mutating func withChild<Result>(_ name: String, _ body: (inout LayerState) throws -> Result) rethrows
        -> Result
    {
        // Taken out while `body` runs, so that its tensors stay uniquely referenced.
        var child = children.removeValue(forKey: name) ?? LayerState(isStreaming: isStreaming)
        defer { children[name] = child }
        return try body(&child)
    }
}
