import FerryEngine
import OrderedCollections

/// The weights of one layer in the HDF5 layout of Keras 1 and 2, in the order of the file.
struct KerasLegacyLayer {
    let name: String
    let weights: [KerasWeight]
}

extension HDF5Group {
    /// The weights of all layers, where this group is a file or group of the layout of Keras 1 and 2: attribute
    /// `layer_names`, and `weight_names` on each layer's group, whose names are paths inside it.
    func kerasLegacyLayers() throws -> [KerasLegacyLayer]? {
        guard let names = try strings(named: "layer_names") else { return nil }
        let backend = try string(named: "backend")
        return try names.map { name in
            try locating("layer '\(name)'") {
                guard let group = group(at: name) else {
                    throw FerryError(.damagedFile, found: "no group '\(name)'", expected: "one for each of layer_names")
                }
                let weights = try (group.strings(named: "weight_names") ?? []).map { weight in
                    // Keras 1 names no backend, but TensorFlow's names end so.
                    let isOfTheano = backend.map { $0 == "theano" } ?? !weight.hasSuffix(":0")
                    return KerasWeight(weight, try group.weight(at: weight), isOfTheano: isOfTheano)
                }
                return KerasLegacyLayer(name: name, weights: weights)
            }
        }
    }

    /// The numbers at a path.
    ///
    /// - Throws: ``FerryError/Code/missingWeight`` where there are none.
    func weight(at path: String) throws -> Tensor {
        guard let dataset = dataset(at: path) else {
            throw FerryError(
                .missingWeight, at: ["weight '\(path)'"], found: "no such dataset", expected: "its numbers")
        }
        guard case .tensor(let tensor) = dataset.content else {
            throw FerryError(.dtype, at: ["weight '\(path)'"], found: "no numbers", expected: "a dataset of numbers")
        }
        return tensor
    }
}

extension KerasContext {
    /// What weights in the layout of Keras 1 and 2 tell about the Keras that computed with them.
    init(_ options: ReadOptions, _ root: HDF5Group, _ layers: [KerasLegacyLayer]?) throws {
        self.init(options)
        let names = (layers ?? []).flatMap(\.weights).map(\.name)
        firstWeights = Dictionary(
            (layers ?? []).compactMap { layer in layer.weights.first.map { (layer.name, $0.tensor.shape) } },
            uniquingKeysWith: { first, _ in first }
        ).filter { !$0.value.isEmpty }
        isOfTheano = try root.string(named: "backend") == "theano"
        namesNoCells = !names.contains { $0.contains("_cell") }
    }
}
