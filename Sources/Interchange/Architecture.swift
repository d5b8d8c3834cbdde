import FerryEngine
import FerryRuntime

/// The graph for a file that holds only weights.
enum Architecture {
    /// The name and the graph that `source` gives: a model file of any format, a Keras `config.json`, or where no such
    /// file exists, a short description such as `lstm:in=4,hidden=6 -> linear:3`.
    ///
    /// - Parameters:
    ///   - source: a path or a description.
    ///   - version: the version of Keras that wrote the weights, where it is known.
    ///   - context: what else is known to the reader of a Keras configuration.
    static func graph(
        _ source: String, version: KerasVersion? = nil, context: KerasContext = .init()
    ) throws -> (name: String, graph: Graph) {
        if !FileBytes.exists(source), let description = try TorchDescription(source) {
            return try locating("--architecture") { ("model", try description.graph()) }
        }
        let head = FileBytes.isFolder(source) ? [] : try FileBytes.prefix(of: source, 64)
        guard head.first(where: { $0 > 32 }) == UInt8(ascii: "{") else {
            let model = try Model(contentsOf: source, options: ReadOptions(custom: context.custom))
            return (model.name, model.graph)
        }
        return try locating(source.lastPathComponent) {
            let architecture = try KerasArchitecture(
                JSONValue(parsing: FileBytes.read(source)), version: version, context: context)
            return (architecture.name, architecture.graph)
        }
    }
}
