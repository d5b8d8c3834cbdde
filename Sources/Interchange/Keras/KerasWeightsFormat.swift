package import FerryRuntime
import FerryEngine
import OrderedCollections

/// Weights alone, in the HDF5 layout of Keras 3; needs an architecture to become a model.
package enum KerasWeightsFormat: ModelFormat {
    package static let name = "keras-weights"
    package static let title = "Keras weights"
    package static let extensions = [".weights.h5"]

    // Which of the layouts of Keras an HDF5 file has is found out when it is read; an index of shards is no HDF5.
    package static func recognizes(_ file: ModelFile) -> Bool { KerasWeightShards.isIndex(file) }

    package static func read(_ file: ModelFile, _ options: ReadOptions) throws -> Model {
        guard KerasWeightShards.isIndex(file) else { return try KerasHDF5Format.read(file, options) }
        return try locating(file.name) { try read(KerasWeightShards.read(file, options), options) }
    }

    package static func write(_ model: Model, to path: String, _ options: WriteOptions) throws -> [String] {
        var writer = try KerasWriter(model, options)
        try writer.variables().write(to: path)
        return writer.notes
    }

    /// The model that the weights in `root` and the architecture in `options` make together.
    static func read(_ root: HDF5Group, _ options: ReadOptions) throws -> Model {
        guard let path = options.architecture else {
            throw FerryError(
                .missingKey, found: "weights without an architecture", expected: "a whole model",
                remedy: "give the architecture with --architecture CONFIG.json or a model file")
        }
        let written = try root.string(named: "keras_version").map { KerasVersion(parsing: $0) }
        let layers = try root.kerasLegacyLayers()
        let architecture = try Architecture(
            path, version: written, context: KerasContext(options, root, layers))
        var assignment = try KerasWeightAssignment(architecture.graph)
        if let layers {
            try assignment.assign(layers)
        } else if KerasVariables.recognizes(root) || root.groups.isEmpty {
            try assignment.assign(root)
        } else {
            throw wrongLayout(root)
        }
        var metadata = architecture.metadata
        metadata.format = title
        metadata.producer = written.map { "Keras \($0)" }
        metadata.loadReport = assignment.report
        metadata.notes += assignment.report.notes
        metadata.takeOptimizerState(
            try root.kerasOptimizerVariables(), architecture.optimizerLayout, of: assignment.trainableLayers)
        return try Model(
            name: architecture.name, graph: architecture.graph, parameters: assignment.parameters, metadata: metadata)
    }

    /// The error for groups that are not those of a Sequential or functional model.
    private static func wrongLayout(_ root: HDF5Group) -> FerryError {
        let attributes = KerasVariables(root).unused.map { String($0.prefix { $0 != "/" }) }
        guard attributes.isEmpty else {
            return FerryError(
                .unsupported,
                found: "weights of a subclassed model, named after the attributes of its Python class: "
                    + Set(attributes).sorted().map { "'\($0)'" }.joined(separator: ", "),
                expected: "weights of a Sequential or functional model",
                remedy: "export the model from Keras as ONNX, or save a functional version of it")
        }
        return FerryError(
            .wrongFormat, found: "neither 'layer_names' nor 'layers'", expected: "weights that Keras wrote",
            remedy: "save the model with Keras's save or save_weights")
    }
}
