public import FerryEngine
import FerryRuntime
import OrderedCollections

/// Walks through a model's graph and collects the modules, tensors and statements of a ``TorchModule``.
struct TorchModuleWriter {
    private let parameters: ParameterSet
    private let sources: [String: ParameterSource]
    private var attributes = TorchNames()
    private var variables = TorchNames()
    /// The path of each layer's module, by the path of the layer in the model.
    private var paths: [String: String] = [:]
    private var blocking: [TorchRefusal] = []
    /// The layers whose tensors are written.
    private var written: Set<String> = []

    /// The tensors.
    private(set) var stateDict = StateDict()
    /// The modules with the expressions that make them.
    private(set) var modules: [(path: String, expression: String)] = []
    /// The statements of `forward`.
    private(set) var statements: [String] = []
    /// The names of its arguments.
    private(set) var inputs: [String] = []
    /// The expressions that it returns.
    private(set) var outputs: [String] = []
    /// Layers for which there is no Python, though their tensors may be written.
    private(set) var unprintable: [TorchRefusal] = []

    init(_ model: Model) {
        parameters = model.parameters
        sources = model.metadata.sources
        // Names that a file gave come first, so that others do not take them.
        for name in Set(model.metadata.sources.values.map { String($0.module.prefix { $0 != "." }) }) {
            _ = attributes.unique(name)
        }
    }

    /// Writes the model's graph.
    mutating func write(_ graph: Graph) throws {
        inputs = graph.inputs.map { variables.unique(graph.name(of: $0)) }
        outputs = try walk(graph, scope: "", prefix: "", inputs)
        try TorchRefusal.refuse(blocking, "compute what PyTorch does not")
    }

    /// Writes a graph whose inputs are the expressions `given`, and gives those of its outputs.
    private mutating func walk(
        _ graph: Graph, scope: String, prefix: String, _ given: [String]
    ) throws -> [String] {
        var values: [Graph.ValueID: String] = [:]
        for (value, expression) in zip(graph.inputs, given) { values[value] = expression }
        for (value, tensor) in graph.constants { values[value] = tensor.pythonLiteral }
        let stacks = TorchStacks(graph, sources, scope: scope)
        for node in graph.nodes {
            let layer = graph.layer(of: node)
            do {
                let place = scope + layer.name
                if let input = stacks.passedOver[node.outputs[0]] {
                    // A lower layer of a stack, whose module does all the work where the highest stands.
                    values[node.outputs[0]] = values[input]
                    try addTensors(of: layer.operation, at: place)
                    continue
                }
                let results = try call(node, graph, values, at: place, prefix: prefix, stacks)
                for (value, expression) in zip(node.outputs, results) { values[value] = expression }
            } catch let error as FerryError {
                refuse(layer, error, at: scope)
                for value in node.outputs { values[value] = variables.unique(layer.name) }
            }
        }
        return graph.outputs.map { values[$0] ?? "None" }
    }

    private mutating func refuse(_ layer: Graph.Layer, _ error: FerryError, at scope: String) {
        let place = scope + layer.name
        let refusal = TorchRefusal(layer: place, kind: layer.operation.kind, error: error)
        let lacksTensors = !parameters.scoped(to: place).names.isEmpty && !written.contains(place)
        if lacksTensors || error.code != .unsupported { blocking.append(refusal) } else { unprintable.append(refusal) }
    }

    /// Writes one call of a layer, and gives the names of its outputs.
    private mutating func call(
        _ node: Graph.Node, _ graph: Graph, _ values: [Graph.ValueID: String], at place: String, prefix: String,
        _ stacks: TorchStacks
    ) throws -> [String] {
        let layer = graph.layer(of: node)
        let input = node.inputs.first.flatMap { $0 }
        try check(layer, readsMask: input.map { graph.carriesMask($0) && node.mask != .dropped } ?? false)
        var given = node.inputs.compactMap { $0 }
        if let bottom = stacks.bottoms[place] { given[0] = bottom }
        let expressions = given.map { values[$0] ?? "None" }
        if let submodel = layer.operation as? Submodel {
            let path = path(for: place, layer.name, prefix)
            return try walk(submodel.graph, scope: "\(place)/", prefix: "\(path).", expressions)
        }
        let constants = Dictionary(
            given.enumerated().compactMap { i, value in graph.constants[value].map { (i, $0) } },
            uniquingKeysWith: { first, _ in first })
        let types = Slots(given.map(graph.type(of:)).map(Optional.some))
        if let steps = layer.operation as? TimeDistributed {
            let rows = variables.unique("\(layer.name)_steps")
            statements.append("\(rows) = \(expressions[0]).flatten(0, 1)")
            let outputs = try call(
                steps.layer, named: layer.name, at: "\(place)/layer", prefix: prefix, [rows], steps.step(types), [:],
                stack: (1, 0))
            return outputs.map { "\($0).unflatten(0, \(expressions[0]).shape[:2])" }.map { assign($0, layer.name) }
        }
        return try call(
            layer.operation, named: layer.name, at: place, prefix: prefix, expressions, types, constants,
            stack: stacks.size(of: place))
    }

    private mutating func call(
        _ operation: any Operator, named name: String, at place: String, prefix: String, _ expressions: [String],
        _ types: Slots<ValueType>, _ constants: [Int: Tensor], stack: (layers: Int, dropout: Double)
    ) throws -> [String] {
        guard let torch = operation as? any TorchOperator else {
            throw FerryError.notInTorch("is no layer that Ferry writes for PyTorch")
        }
        let isKnown = paths[place] != nil
        let hasModule = torch is any TorchLayer
        let path = hasModule ? path(for: place, name, prefix) : ""
        var call = TorchCall(
            inputs: expressions, types: types, constants: constants, module: path.pythonModule,
            freshNames: torch.needsNames ? ["y", "h", "c"].map { variables.unique("\(name)_\($0)") } : [])
        call.stack = stack
        if let source = sources[place], source.isCell || source.module.isEmpty || source.level + 1 != stack.layers {
            // Its tensors can go back all the same.
            try addTensors(of: operation, at: place)
            throw FerryError(
                .unsupported, found: "comes from a cell, a module without a name, or a stack called in parts",
                expected: "a module that a class can hold", remedy: "write the tensors; no Python is printed for them")
        }
        let results = try torch.torchForward(&call)
        if let layer = torch as? any TorchLayer, !isKnown {
            modules.append((path, try layer.torchModule(call)))
            try addTensors(of: layer, at: place)
        }
        statements += call.statements
        return results.map { assign($0, name) }
    }

    private mutating func assign(_ expression: String, _ name: String) -> String {
        guard !expression.isPythonIdentifier else { return expression }
        let variable = variables.unique(name)
        statements.append("\(variable) = \(expression)")
        return variable
    }

    /// The path of a layer's module: the one it came from, else one made of its name.
    private mutating func path(for place: String, _ name: String, _ prefix: String) -> String {
        if let known = paths[place] { return known }
        let path = sources[place]?.module ?? prefix + attributes.unique(name)
        paths[place] = path
        return path
    }

    private func check(_ layer: Graph.Layer, readsMask: Bool) throws {
        let operation = layer.operation
        let heedsMasks =
            operation is any RecurrentOperator || operation is Bidirectional
            || (operation as? GlobalPooling)?.function == .average
        if heedsMasks, readsMask {
            throw FerryError(
                .masked, found: "skips masked steps", expected: "modules of torch.nn, which know no masks",
                remedy: "write ONNX instead, or pack the sequences in PyTorch yourself")
        }
        guard layer.dtype == .float32 || layer.dtype == .float64 || !layer.dtype.isFloat else {
            throw FerryError.notInTorch(
                "computes in \(layer.dtype.rawValue)", "call half() or bfloat16() in PyTorch yourself")
        }
    }
}

// Tensors.
extension TorchModuleWriter {
    /// Adds the tensors of a layer: those that it was read from where it still is what they say, else new ones.
    private mutating func addTensors(of operation: any Operator, at place: String) throws {
        guard let layer = operation as? any TorchLayer, written.insert(place).inserted else { return }
        let own = parameters.scoped(to: place)
        let derived = try layer.torchTensors(own)
        if let source = sources[place] {
            let isUnchanged = try layer.parameters(torch: source.moduleTensors) == own
            for (name, full) in source.names {
                guard let original = source.tensors[name] else { continue }
                let current = derived[name].map { $0.cast(to: original.dtype) }
                stateDict.tensors[full] = TorchTensor(isUnchanged ? original : current ?? original)
            }
        } else {
            let path = paths[place] ?? place.pythonIdentifier
            for (name, tensor) in derived {
                stateDict.tensors["\(path).\(operation.torchName(name))"] = TorchTensor(tensor)
            }
        }
    }
}

extension Operator {
    /// Whether the call needs names for several results of its module.
    fileprivate var needsNames: Bool { self is any RecurrentOperator || self is Bidirectional }
}

extension Tensor {
    /// The tensor as Python writes it, where it is small.
    fileprivate var pythonLiteral: String {
        guard count <= 16 else { return "None" }
        let numbers = dtype.isFloat ? floats.map { "\($0)" } : ints.map { "\($0)" }
        return rank == 0 ? numbers[0] : "torch.tensor([\(numbers.joined(separator: ", "))]).reshape(\(shape))"
    }
}

extension FerryError.Code {
    /// Masked time steps where the other framework has none.
    public static let masked = Self("masked")
}
