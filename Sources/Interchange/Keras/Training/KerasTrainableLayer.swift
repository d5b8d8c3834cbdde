import FerryEngine
import FerryRuntime

/// The trainable weights of one layer as a file lists them: what an optimiser keeps follows their number and shapes,
/// which in old files are not those of the layer's parameters.
struct KerasTrainableLayer {
    let layer: Graph.Layer
    /// The layer's trainable parameters.
    let specs: [ParameterSpec]
    /// The names and shapes of the weights in the file.
    let weights: [(name: String, shape: [Int])]

    /// A layer whose weights in the file are its parameters.
    init(_ layer: Graph.Layer, _ specs: [ParameterSpec]) {
        self.layer = layer
        self.specs = specs.filter(\.isTrainable)
        weights = self.specs.map { ($0.name, $0.shape) }
    }

    /// A layer with the weights that the file lists, trainable ones first.
    init(_ layer: Graph.Layer, _ specs: [ParameterSpec], weights: [KerasWeight]) {
        self.layer = layer
        self.specs = specs.filter(\.isTrainable)
        let fixed = specs.count - self.specs.count
        let trainable = self.specs.isEmpty ? [] : weights.dropLast(fixed)
        self.weights = trainable.map { ($0.name, $0.tensor.shape) }
    }

    /// What `tensors`, of the shapes of the file's weights, are for the layer's parameters, under their names in the
    /// model.
    ///
    /// - Throws: ``FerryError/Code/unsupported`` where a parameter is not a rearrangement of weights.
    func parameters(_ tensors: [Tensor]) throws -> [(name: String, tensor: Tensor)] {
        let listed = zip(weights, tensors).map { KerasWeight($0.name, $1) }
        let modern =
            tensors.map(\.shape) == specs.map(\.shape)
            ? listed : try (layer.operation as? any KerasLayer)?.modernized(listed, for: specs) ?? listed
        guard modern.map(\.tensor.shape) == specs.map(\.shape),
            modern.reduce(0, { $0 + $1.tensor.count }) == tensors.reduce(0, { $0 + $1.count })
        else {
            throw FerryError(
                .unsupported, at: ["layer '\(layer.name)' (\(layer.operation.kind))"],
                found: "weights that became other ones", expected: "one moment for each of them")
        }
        return zip(specs, modern).map { ("\(layer.name)/\($0.name)", $1.tensor.cast(to: .float32)) }
    }
}
