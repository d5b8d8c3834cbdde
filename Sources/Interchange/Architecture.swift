import FerryEngine
import FerryRuntime

/// What a file that holds only weights is given to become a model.
struct Architecture {
    /// The name of the model.
    let name: String
    /// The layers and how they are connected.
    let graph: Graph
    /// What the source says beside the layers: how the model was compiled, and what programs keep with it.
    private(set) var metadata = ModelMetadata()
    /// The order in which the optimiser's variables stand in weights of the same Keras.
    private(set) var optimizerLayout = KerasOptimizerLayout.keras3

    /// The architecture that `source` gives: a model file of any format, a Keras `config.json`, or where no such file
    /// exists, a short description such as `lstm:in=4,hidden=6 -> linear:3`.
    ///
    /// - Parameters:
    ///   - source: a path or a description.
    ///   - version: the version of Keras that wrote the weights, where it is known.
    ///   - context: what else is known to the reader of a Keras configuration.
    init(_ source: String, version: KerasVersion? = nil, context: KerasContext = .init()) throws {
        if !FileBytes.exists(source), let description = try TorchDescription(source) {
            self.init("model", try locating("--architecture") { try description.graph() })
            return
        }
        let head = FileBytes.isFolder(source) ? [] : try FileBytes.prefix(of: source, 64)
        guard head.first(where: { $0 > 32 }) == UInt8(ascii: "{") else {
            self.init(try Model(contentsOf: source, options: ReadOptions(custom: context.custom)))
            return
        }
        self = try locating(source.lastPathComponent) {
            try Architecture(JSONValue(parsing: FileBytes.read(source)), version, context)
        }
    }

    private init(_ name: String, _ graph: Graph) {
        self.name = name
        self.graph = graph
    }

    private init(_ model: Model) {
        self.init(model.name, model.graph)
        metadata.compileConfiguration = model.metadata.compileConfiguration
        metadata.attributes = model.metadata.attributes
        let isOfKeras2 = model.metadata.producer?.hasPrefix("Keras 2") ?? false
        if isOfKeras2 { optimizerLayout = .keras2 }
    }

    private init(_ json: JSONValue, _ version: KerasVersion?, _ context: KerasContext) throws {
        let architecture = try KerasArchitecture(json, version: version, context: context)
        self.init(architecture.name, architecture.graph)
        optimizerLayout = architecture.version.isKeras3 ? .keras3 : .keras2
        metadata.takeCompilation(
            json["compile_config"], version: "\(architecture.version)", outputs: graph.outputNames)
        metadata.take(architecture.texts)
    }
}
