package import FerryRuntime
import FerryEngine
import OrderedCollections

/// HDF5 files of Keras: whole models of all eras, and weights alone in both layouts.
package enum KerasHDF5Format: ModelFormat {
    package static let name = "keras-h5"
    package static let title = "Keras HDF5"
    package static let extensions = [".h5", ".hdf5"]

    package static func recognizes(_ file: ModelFile) -> Bool { HDF5Signature.isPresent(in: file.head) }

    package static func read(_ file: ModelFile, _ options: ReadOptions) throws -> Model {
        let root = try HDF5Group(contentsOf: file.path, library: options.library)
        return try locating(file.name) {
            guard let text = try root.string(named: "model_config") else {
                return try KerasWeightsFormat.read(root, options)
            }
            let json = try locating("attribute 'model_config'") { try JSONValue(parsing: text) }
            let weights = root.groups["model_weights"] ?? root
            let written = try root.string(named: "keras_version") ?? weights.string(named: "keras_version")
            let layers = try weights.kerasLegacyLayers()
            let context = try KerasContext(options, weights, layers)
            let architecture = try KerasArchitecture(json, version: KerasVersion(parsing: written), context: context)
            var assignment = try KerasWeightAssignment(architecture.graph)
            guard let layers else {
                throw FerryError(
                    .missingWeight, found: "no weights beside the architecture", expected: "a group 'model_weights'",
                    remedy: "save the whole model, or give the weights and this file as --architecture")
            }
            try assignment.assign(layers)
            var metadata = ModelMetadata()
            metadata.format = title
            metadata.producer = "Keras \(written ?? "1")"
            metadata.loadReport = assignment.report
            metadata.notes = assignment.report.notes
            let compile = try locating("attribute 'training_config'") {
                try root.string(named: "training_config").map { try JSONValue(parsing: $0) }
            }
            let variables = try root.kerasOptimizerWeights()
            metadata.takeTraining(
                compile: compile, version: written, outputs: architecture.graph.outputNames, variables: variables,
                KerasOptimizerLayout(firstVariable: variables.first?.name ?? ""), of: assignment.trainableLayers)
            metadata.attributes = try KerasAttributes.read(
                root.string(named: KerasAttributes.attribute).map { Array($0.utf8) })
            metadata.take(architecture.texts)
            return try Model(
                name: architecture.name, graph: architecture.graph, parameters: assignment.parameters,
                metadata: metadata)
        }
    }

    package static func write(_ model: Model, to path: String, _ options: WriteOptions) throws -> [String] {
        var writer = try KerasWriter(model, options)
        var root = try writer.hdf5()
        if let text = KerasAttributes.text(model) { root.attributes[KerasAttributes.attribute] = .string(text) }
        try root.write(to: path)
        return writer.notes
    }
}
