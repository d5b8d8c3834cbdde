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
    private(set) var notes: [String]

    /// Prepares a model to be written.
    ///
    /// - Throws: one ``FerryError`` that names every layer which that version of Keras cannot express.
    init(_ model: Model, _ options: WriteOptions) throws {
        version = options.kerasVersion == 2 ? KerasVersion(2, 15) : KerasVersion(3, 12)
        versionText = "\(version).0"
        let (adapted, notes) = try model.adapted(to: version)
        self.model = try adapted.inKerasOrder()
        self.notes = notes
    }

    /// The HDF5 file of a whole model: `model_config` and `model_weights`, and where it was compiled `training_config`
    /// and `optimizer_weights`.
    mutating func hdf5() throws -> HDF5Group {
        let architecture = try architecture()
        let training = try training(.hdf5)
        if version.isKeras3 { try refuseWhatKeras3LosesInHDF5(architecture) }
        var root = HDF5Group()
        root.attributes["keras_version"] = .string(versionText)
        root.attributes["backend"] = .string("tensorflow")
        root.attributes["model_config"] = .string(architecture.encoded())
        root.groups["model_weights"] = try legacyWeights()
        guard let training else { return root }
        root.attributes["training_config"] = .string(training.configuration.encoded())
        if !training.variables.isEmpty { root.groups["optimizer_weights"] = try HDF5Group(training.variables) }
        return root
    }

    /// The HDF5 file of the weights alone and of what the optimiser keeps, in the layout of Keras 3.
    mutating func variables() throws -> HDF5Group { try variables(with: training(.archive)) }

    private func variables(with training: KerasTraining?) throws -> HDF5Group {
        var root = HDF5Group()
        for (number, variable) in (training?.variables ?? []).enumerated() {
            root.insert(HDF5Dataset(variable.tensor), at: "optimizer/vars/\(number)")
        }
        let specs = try specs()
        for (container, layer) in model.graph.kerasContainers() {
            guard let operation = layer.operation as? any KerasLayer, let specs = specs[layer.name] else { continue }
            let parameters = model.parameters.scoped(to: layer.name)
            for group in operation.kerasVariables(specs) {
                let inner = version.attributePath(group.path)
                let path = ["layers", container, inner, "vars"].filter { !$0.isEmpty }.joined(separator: "/")
                for (number, name) in group.parameters.enumerated() {
                    root.insert(
                        HDF5Dataset(keras: try parameters.required(name), layer.parameterType), at: "\(path)/\(number)")
                }
            }
        }
        if !version.isKeras3 { root.fillVariableGroups() }
        return root
    }

    /// The members of a `.keras` archive.
    mutating func archive() throws -> OrderedDictionary<String, [UInt8]> {
        let metadata: JSONValue = ["keras_version": .string(versionText), "date_saved": "1980-01-01@00:00:00"]
        let training = try training(.archive)
        var config = try architecture()
        // Keras 2 finds its functional models under the name of their base class, whatever package they are in.
        if !version.isKeras3 && config["class_name"] == "Functional" { config["class_name"] = "Model" }
        if let training { config["compile_config"] = training.configuration }
        return [
            "metadata.json": Array(metadata.encoded().utf8), "config.json": Array(config.encoded().utf8),
            "model.weights.h5": try variables(with: training).bytes(),
        ]
    }

    /// The training of the model as a container holds it; nil where there is none to write.
    private mutating func training(_ container: KerasCompileWriter.Container) throws -> KerasTraining? {
        let (training, notes) = try KerasTraining.of(model, version, container)
        self.notes += notes
        return training
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

    /// The model as `{"class_name": …, "config": …}`.
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

extension HDF5Group {
    /// Gives every group its own `vars`, which Keras 2 looks for wherever there is a group.
    fileprivate mutating func fillVariableGroups() {
        for name in groups.keys where name != "vars" { groups[name]?.fillVariableGroups() }
        groups["vars"] = groups["vars"] ?? HDF5Group()
    }
}

extension HDF5Dataset {
    /// A weight in the type that its layer stores; bfloat16, which HDF5 lacks, is marked as Keras marks it.
    fileprivate init(keras tensor: Tensor, _ dtype: DType) {
        self.init(tensor.cast(to: dtype), attributes: dtype == .bfloat16 ? ["dtype": .string("bfloat16")] : [:])
    }
}
