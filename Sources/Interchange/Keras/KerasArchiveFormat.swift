package import FerryRuntime
import FerryEngine
import OrderedCollections

/// The `.keras` archive of Keras 3 and 2.12 to 2.15, as a zip file or a folder of its members.
package enum KerasArchiveFormat: ModelFormat {
    package static let name = "keras"
    package static let title = "Keras archive"
    package static let extensions = [".keras"]

    package static func recognizes(_ file: ModelFile) -> Bool {
        if file.isFolder { return (try? FileBytes.prefix(of: "\(file.path)/config.json", 1)) != nil }
        guard ZipArchive.isZip(file.head) else { return false }
        return (try? ZipArchive.memberNames(file.path).contains("config.json")) ?? true
    }

    package static func read(_ file: ModelFile, _ options: ReadOptions) throws -> Model {
        let members = try file.isFolder ? folder(file.path) : ZipArchive.read(file.path)
        return try locating(file.name) {
            let config = try json("config.json", in: members)
            let written = try members["metadata.json"].map { try JSONValue(parsing: $0) }?["keras_version"]?.stringValue
            let architecture = try locating("config.json") {
                try KerasArchitecture(
                    config, version: written.map { KerasVersion(parsing: $0) }, context: KerasContext(options))
            }
            guard let weights = members["model.weights.h5"] else {
                throw FerryError(
                    .missingWeight, found: "members \(members.keys.elements)", expected: "'model.weights.h5'",
                    remedy: "save the model again")
            }
            var assignment = try KerasWeightAssignment(architecture.graph)
            let variables = try locating("model.weights.h5") {
                let root = try HDF5Group(bytes: weights, library: options.library)
                try assignment.assign(root)
                return try root.kerasOptimizerVariables()
            }
            var metadata = ModelMetadata()
            metadata.format = title
            metadata.producer = written.map { "Keras \($0)" }
            metadata.loadReport = assignment.report
            metadata.notes = assignment.report.notes
            metadata.takeTraining(
                compile: config["compile_config"], version: written, outputs: architecture.graph.outputNames,
                variables: variables, architecture.version.isKeras3 ? .keras3 : .keras2,
                of: assignment.trainableLayers)
            metadata.attributes = try KerasAttributes.read(members[KerasAttributes.member])
            metadata.take(architecture.texts, assets: members)
            return try Model(
                name: architecture.name, graph: architecture.graph, parameters: assignment.parameters,
                metadata: metadata)
        }
    }

    package static func write(_ model: Model, to path: String, _ options: WriteOptions) throws -> [String] {
        var writer = try KerasWriter(model, options)
        var members = try writer.archive()
        members[KerasAttributes.member] = KerasAttributes.text(model).map { Array($0.utf8) }
        try ZipArchive.write(members, to: path)
        return writer.notes
    }

    private static func json(_ name: String, in members: OrderedDictionary<String, [UInt8]>) throws -> JSONValue {
        guard let bytes = members[name] else {
            throw FerryError(
                .damagedFile, found: "members \(members.keys.elements)", expected: "'\(name)'",
                remedy: "save the model again with model.save")
        }
        return try locating(name) { try JSONValue(parsing: bytes) }
    }

    private static func folder(_ path: String) throws -> OrderedDictionary<String, [UInt8]> {
        var members: OrderedDictionary<String, [UInt8]> = [:]
        for name in ["metadata.json", "config.json", "model.weights.h5"] {
            members[name] = try? FileBytes.read("\(path)/\(name)")
        }
        return members
    }
}
