package import FerryRuntime
import FerryEngine

// A container of tensors as a format of models: the graph comes from elsewhere.
extension StateDictFormat {
    package static func read(_ file: ModelFile, _ options: ReadOptions) throws -> Model {
        guard let source = options.architecture else { throw StateDict.needsArchitecture() }
        let stateDict = try readStateDict(file)
        let architecture = try Architecture(source)
        let assignment = try TorchAssignment(stateDict, to: architecture.graph)
        var metadata = architecture.metadata
        metadata.format = stateDict.format
        metadata.producer = stateDict.producer
        metadata.sources = assignment.sources
        metadata.notes += stateDict.notes + assignment.notes
        return try Model(
            name: architecture.name, graph: architecture.graph, parameters: assignment.parameters, metadata: metadata)
    }

    package static func write(_ model: Model, to path: String, _ options: WriteOptions) throws -> [String] {
        let module = try TorchModule(model)
        var notes = try write(module.stateDict, to: path)
        do { _ = try module.python() } catch let error as FerryError {
            notes.append("inspect --pytorch can print no module for these tensors: \(error)")
        }
        return notes
    }
}
