import FerryEngine
import FerryRuntime
import OrderedCollections

/// Lays a model out as the files of one version of Keras.
struct KerasWriter {
    /// The version that the files name, and whose layouts are written.
    private let version: KerasVersion
    private let versionText: String
    private let model: Model
    /// What a user should know about what was written.
    let notes: [String]

    /// Prepares a model to be written.
    ///
    /// - Throws: one ``FerryError`` that names every layer which that version of Keras cannot express.
    init(_ model: Model, _ options: WriteOptions) throws {
        version = options.kerasVersion == 2 ? KerasVersion(2, 15) : KerasVersion(3, 12)
        versionText = "\(version).0"
        let (adapted, notes) = try model.adapted(to: version)
        self.model = adapted
        let dropped =
            "the training configuration and the optimiser's state are left out; compile the model again to train it"
        self.notes = notes + (model.metadata.compileConfiguration == nil ? [] : [dropped])
    }

    /// The HDF5 file of a whole model: `model_config` and `model_weights`.
    func hdf5() throws -> HDF5Group {
        let architecture = try architecture()
        if version.isKeras3 { try refuseWhatKeras3LosesInHDF5(architecture) }
        var root = HDF5Group()
        root.attributes["keras_version"] = .string(versionText)
        root.attributes["backend"] = .string("tensorflow")
        root.attributes["model_config"] = .string(architecture.encoded())
        root.groups["model_weights"] = try legacyWeights()
        return root
    }

    /// The HDF5 file of the weights alone, in the layout of Keras 3.
    func variables() throws -> HDF5Group {
        var root = HDF5Group()
        for (container, layer) in model.graph.kerasContainers() {
            guard let operation = layer.operation as? any KerasLayer, let specs = try specs()[layer.name] else {
                continue
            }
            let parameters = model.parameters.scoped(to: layer.name)
            for group in operation.kerasVariables(specs) {
                let path = ["layers", container, group.path, "vars"].filter { !$0.isEmpty }.joined(separator: "/")
                for (number, name) in group.parameters.enumerated() {
                    root.insert(
                        HDF5Dataset(keras: try parameters.required(name), layer.parameterType), at: "\(path)/\(number)")
                }
            }
        }
        return root
    }

    /// The members of a `.keras` archive.
    func archive() throws -> OrderedDictionary<String, [UInt8]> {
        let metadata: JSONValue = ["keras_version": .string(versionText), "date_saved": "1980-01-01@00:00:00"]
        return [
            "metadata.json": Array(metadata.encoded().utf8), "config.json": Array(try architecture().encoded().utf8),
            "model.weights.h5": try variables().bytes(),
        ]
    }

    /// Keras 3 saves operations in HDF5 that it cannot open again, and forgets lists of axes when it opens them.
    private func refuseWhatKeras3LosesInHDF5(_ architecture: JSONValue) throws {
        let lost = (architecture["config"]?["layers"]?.arrayValue ?? []).filter { layer in
            let isOperation = layer["module"]?.stringValue?.hasPrefix("keras.src.ops") ?? false
            let hasAxes = (layer["config"]?["axis"]?.arrayValue?.count ?? 0) > 1
            return isOperation || hasAxes
        }
        guard !lost.isEmpty else { return }
        let names = lost.map {
            "'\($0["config"]?["name"]?.stringValue ?? "")' (\($0["class_name"]?.stringValue ?? ""))"
        }
        throw FerryError(
            .unsupported, found: "\(names.listed), which Keras 3 cannot open again from .h5 files",
            remedy: "write .keras instead")
    }

    private func architecture() throws -> JSONValue {
        try KerasGraphWriter(version).model(model.graph, name: model.name)
    }

    /// What each layer needs, by its name.
    private func specs() throws -> [String: [ParameterSpec]] {
        var result: [String: [ParameterSpec]] = [:]
        for node in model.graph.nodes {
            result[model.graph.layer(of: node).name] = try model.graph.parameterSpecs(of: node)
        }
        return result
    }

    /// The weights layer by layer, trainable ones first.
    private func legacyWeights() throws -> HDF5Group {
        var group = HDF5Group()
        group.attributes["keras_version"] = .string(versionText)
        group.attributes["backend"] = .string("tensorflow")
        let inputs = model.graph.structure == .functional ? model.graph.inputs.map(model.graph.name(of:)) : []
        let specs = try specs()
        try group.setStrings(inputs + model.graph.layers.map(\.name), named: "layer_names")
        let types = Dictionary(uniqueKeysWithValues: model.graph.layers.map { ($0.name, $0.parameterType) })
        for name in inputs + model.graph.layers.map(\.name) {
            let needed = specs[name] ?? []
            let ordered = needed.filter(\.isTrainable) + needed.filter { !$0.isTrainable }
            let names = ordered.map { "\(name)/\($0.name)" + (version.isKeras3 ? "" : ":0") }
            var layer = HDF5Group()
            try layer.setStrings(names, named: "weight_names")
            for (spec, path) in zip(ordered, names) {
                let tensor = try model.parameters.required("\(name)/\(spec.name)")
                layer.insert(HDF5Dataset(keras: tensor, types[name] ?? .float32), at: path)
            }
            group.update(groupAt: name) { $0 = layer }
        }
        group.groups["top_level_model_weights"] = HDF5Group(attributes: ["weight_names": .strings([])])
        return group
    }
}

extension HDF5Dataset {
    /// A weight in the type that its layer stores; bfloat16, which HDF5 lacks, is marked as Keras marks it.
    fileprivate init(keras tensor: Tensor, _ dtype: DType) {
        self.init(tensor.cast(to: dtype), attributes: dtype == .bfloat16 ? ["dtype": .string("bfloat16")] : [:])
    }
}
