public import FerryEngine
public import OrderedCollections

/// A neural network: a graph of layers, their parameters, and where they came from. An immutable value to share.
public struct Model: Sendable {
    /// The name that its file gives it.
    public var name: String
    /// What is computed from what.
    public let graph: Graph
    /// The parameters of every layer, by `layer/parameter`.
    public let parameters: ParameterSet
    /// What is known about it beside the numbers.
    public var metadata: ModelMetadata

    /// A model from its parts.
    ///
    /// - Throws: ``FerryError`` located at the layer whose parameter is missing or has another shape, or
    ///   that takes a value which nothing gives.
    public init(name: String, graph: Graph, parameters: ParameterSet, metadata: ModelMetadata = .init()) throws {
        try graph.requireSources()
        for spec in try graph.parameterSpecs() {
            guard let tensor = parameters[spec.name] else {
                throw FerryError(
                    .missingParameter, at: [spec.name], found: "no such parameter", expected: "\(spec.shape)")
            }
            guard tensor.shape == spec.shape else {
                throw FerryError(
                    .shape, at: [spec.name], found: "shape \(tensor.shape)", expected: "\(spec.shape)")
            }
        }
        self.name = name
        self.graph = graph
        self.parameters = parameters
        self.metadata = metadata
    }

    /// The names and types of the inputs, in the model's order.
    public var inputs: [(name: String, type: ValueType)] {
        graph.inputs.map { (graph.name(of: $0), graph.type(of: $0)) }
    }

    /// The names and types of the outputs, in the model's order.
    public var outputs: [(name: String, type: ValueType)] {
        zip(graph.outputNames, graph.outputs).map { ($0, graph.type(of: $1)) }
    }
}

/// What is known about a model beside the numbers.
public struct ModelMetadata: Sendable {
    /// The file format it was read from, such as `Keras HDF5`; nil where it was made in Swift.
    public var format: String?
    /// The framework and version that wrote the file, such as `keras 2.15.0`.
    public var producer: String?
    /// The tensors of the file that became the parameters of a layer, by the path of the layer; only formats without a
    /// graph keep them.
    public var sources: [String: ParameterSource] = [:]
    /// Loss, metrics and optimiser as `compile_config` of Keras 3's archives has them, whatever the file's own era:
    /// `optimizer`, `loss`, `loss_weights`, `metrics`, `weighted_metrics`, `run_eagerly`, `steps_per_execution`,
    /// `jit_compile`.
    ///
    /// `optimizer` is `{"module", "class_name", "config", "registered_name"}` with every setting of Keras 3's class;
    /// `learning_rate` is a number or the object of a schedule. Its module is `keras.optimizers`, or
    /// `keras.optimizers.legacy` where the file is of Keras 1, of Keras 2 before 2.11 or of its legacy optimisers: their
    /// RMSprop and Adagrad add `epsilon` after the square root, and their Nadam has a setting `schedule_decay`. Losses
    /// and metrics are names or such objects, alone, in lists or by the names of outputs.
    public var compileConfiguration: JSONValue?
    /// What the optimiser remembers, where the file holds it.
    public var optimizerState: OptimizerState?
    /// What programs keep with the model, such as scalers or a tokenizer; Keras files carry it along.
    public var attributes: OrderedDictionary<String, JSONValue> = [:]
    /// What was recognised in the nodes of a file that knows no layers; nil for files that do.
    public var liftReport: LiftReport?
    /// How the weights of the file met the architecture.
    public var loadReport: LoadReport?
    /// What a user should know: what was repaired, ignored by name, or will not survive a conversion.
    public var notes: [String] = []

    /// Nothing known.
    public init() {}
}
