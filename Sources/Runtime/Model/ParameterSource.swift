public import FerryEngine
public import OrderedCollections

/// The tensors that became the parameters of one layer, as they stand in a file of another framework.
///
/// They let an unchanged layer go back bit for bit where the framework keeps more than the layer needs, such as two
/// biases that only count as a sum.
public struct ParameterSource: Sendable {
    /// The module that they belong to, such as `encoder.lstm`.
    public var module: String
    /// Which of the stacked layers of the module they are.
    public var level: Int
    /// The names of the tensors in the file, by their names in the layer's module.
    public var names: OrderedDictionary<String, String>
    /// The tensors, by their names in the layer's module.
    public var tensors: OrderedDictionary<String, Tensor>

    /// A source from its parts.
    public init(
        module: String, level: Int = 0, names: OrderedDictionary<String, String>,
        tensors: OrderedDictionary<String, Tensor>
    ) {
        (self.module, self.level, self.names, self.tensors) = (module, level, names, tensors)
    }
}
