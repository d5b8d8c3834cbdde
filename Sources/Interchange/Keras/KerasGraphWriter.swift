import FerryEngine
import FerryRuntime
import OrderedCollections

/// Writes graphs as the configurations of one version of Keras.
struct KerasGraphWriter {
    private let version: KerasVersion

    init(_ version: KerasVersion) { self.version = version }

    /// The model as `{"class_name": "Sequential" or "Functional", "config": …}`.
    func model(_ graph: Graph, name: String) throws -> JSONValue {
        graph.structure == .sequential
            ? version.model("Sequential", try sequential(graph, name))
            : version.model("Functional", try functional(graph, name))
    }

    private func sequential(_ graph: Graph, _ name: String) throws -> JSONValue {
        let inputs = try graph.inputs.map { try input(graph, $0) }
        let layers = try graph.layers.map { try layer($0) }
        var config: JSONValue = ["name": .string(name), "layers": .array(inputs + layers)]
        if version.isKeras3, let first = graph.inputs.first {
            config["trainable"] = true
            config["build_input_shape"] = graph.type(of: first).kerasShape
        }
        return config
    }

    private func functional(_ graph: Graph, _ name: String) throws -> JSONValue {
        var references = KerasReferences(graph, version)
        var layers = try graph.inputs.map { value in
            var json = try input(graph, value)
            json["name"] = .string(graph.name(of: value))
            json["inbound_nodes"] = []
            return json
        }
        var calls = [[JSONValue]](repeating: [], count: graph.layers.count)
        for node in graph.nodes {
            calls[node.layer].append(try call(node, graph, references))
            references.add(node)
        }
        for (index, entry) in graph.layers.enumerated() where !calls[index].isEmpty {
            var json = try layer(entry)
            json["name"] = .string(entry.name)
            json["inbound_nodes"] = .array(calls[index])
            layers.append(json)
        }
        for (value, name) in zip(graph.outputs, graph.outputNames) where graph.constants[value] != nil {
            throw FerryError(
                .unsupported, at: ["output '\(name)'"], found: "is known beforehand, and no layer gives it",
                remedy: "write ONNX instead")
        }
        func list(_ values: [Graph.ValueID]) -> JSONValue {
            let all = values.map { references.placeAmongOutputs(of: $0) }
            return version.isKeras3 && all.count == 1 ? all[0] : .array(all)
        }
        return [
            "name": .string(name), "trainable": true, "layers": .array(layers), "input_layers": list(graph.inputs),
            "output_layers": list(graph.outputs),
        ]
    }

    private func input(_ graph: Graph, _ value: Graph.ValueID) throws -> JSONValue {
        let type = graph.type(of: value)
        let shape = type.kerasShape
        let name = JSONValue.string(graph.name(of: value))
        let dtype = JSONValue.string(type.dtype.rawValue)
        return version.isKeras3
            ? version.object(
                "InputLayer", module: "keras.layers", ["batch_shape": shape, "dtype": dtype, "name": name])
            : version.object(
                "InputLayer", module: "keras.layers",
                ["batch_input_shape": shape, "dtype": dtype, "sparse": false, "ragged": false, "name": name])
    }

    private func layer(_ layer: Graph.Layer) throws -> JSONValue {
        try locating("layer '\(layer.name)' (\(layer.operation.kind))") {
            try version.layer(layer.operation, name: layer.name, entry: layer)
        }
    }

    /// One call of a layer: its inputs by the places they come from.
    private func call(_ node: Graph.Node, _ graph: Graph, _ references: KerasReferences) throws -> JSONValue {
        let inputs = node.inputs.compactMap { $0 }
        if let arithmetic = graph.layer(of: node).operation as? Arithmetic, inputs.count != 2 {
            throw FerryError(
                .unsupported, at: ["layer '\(graph.layer(of: node).name)' (\(arithmetic.kind))"],
                found: "\(FerryError.counted(inputs.count, "input")) of different ranks", expected: "two",
                remedy: "write ONNX instead")
        }
        guard version.isKeras3 else { return try oldCall(node, inputs, graph, references) }
        let tensors = inputs.map { references.tensor($0) }
        var keywords: JSONValue = [:]
        if let mask = node.mask.value { keywords["mask"] = references.tensor(mask) }
        let operation = graph.layer(of: node).operation
        if let function = operation as? any KerasOperation {
            return ["args": .array(tensors + (try function.kerasOperation().arguments)), "kwargs": [:]]
        }
        if operation.takesInitialStates {
            if tensors.count > 1 { keywords["initial_state"] = .array(Array(tensors.dropFirst())) }
            return ["args": .array([tensors[0]]), "kwargs": keywords]
        }
        if let callable = operation as? any KerasCallable {
            for (name, value) in callable.kerasCall() { keywords[name] = value }
        }
        if operation is Softmax, tensors.count > 1 {
            keywords["mask"] = tensors[1]
            return ["args": .array([tensors[0]]), "kwargs": keywords]
        }
        if operation is MultiHeadAttention { return ["args": .array(tensors), "kwargs": keywords] }
        let isList = operation.takesList || tensors.count > 1
        return ["args": .array(isList ? [.array(tensors)] : tensors), "kwargs": keywords]
    }
}

extension KerasGraphWriter {
    /// One call of a layer as Keras 2 writes it: `[["lstm", 0, 0, {…}], …]`.
    private func oldCall(
        _ node: Graph.Node, _ inputs: [Graph.ValueID], _ graph: Graph, _ references: KerasReferences
    ) throws -> JSONValue {
        let operation = graph.layer(of: node).operation
        if let function = operation as? any KerasOperation {
            return try function.tensorFlowFunction().call(inputs.map { references.oldTensor($0) })
        }
        var keywords: JSONValue = [:]
        if let mask = node.mask.value { keywords["mask"] = references.place(of: mask) }
        for (name, value) in (operation as? any KerasCallable)?.kerasCall() ?? [] { keywords[name] = value }
        var places = inputs.map { value in
            graph.constants[value].map { ["_CONSTANT_VALUE", -1, $0.kerasNumbers] }
                ?? references.place(of: value).arrayValue ?? []
        }
        if operation is Softmax, places.count > 1 {
            keywords["mask"] = .array(places[1])
            places = Array(places.prefix(1))
        }
        if operation is MultiHeadAttention {
            // It has a name for every tensor but the first.
            for (name, place) in zip(["value", "key"], places.dropFirst()) { keywords[name] = .array(place) }
            places = Array(places.prefix(1))
        }
        return .array(places.map { .array($0 + [keywords]) })
    }
}

/// Where each value of a graph comes from, as Keras says it: a layer, the number of the call, the number of the output.
private struct KerasReferences {
    private let graph: Graph
    private let version: KerasVersion
    private var calls: [Int: Int] = [:]
    private var places: [Graph.ValueID: JSONValue] = [:]
    private var modelOutputs: Set<Graph.ValueID> = []

    init(_ graph: Graph, _ version: KerasVersion) {
        self.graph = graph
        self.version = version
        for value in graph.inputs { places[value] = [.string(graph.name(of: value)), 0, 0] }
    }

    mutating func add(_ node: Graph.Node) {
        let layer = graph.layer(of: node)
        let model = (layer.operation as? Submodel)?.graph
        if model?.structure == .functional { modelOutputs.formUnion(node.outputs) }
        // Keras 2 takes the call that made a model for its first.
        let call = calls[node.layer, default: model != nil && !version.isKeras3 ? 1 : 0]
        calls[node.layer] = call + 1
        for (output, value) in node.outputs.enumerated() {
            places[value] = [.string(layer.name), .int(call), .int(output)]
        }
    }

    func place(of value: Graph.ValueID) -> JSONValue { places[value] ?? .null }

    /// The value as Keras 2 writes it inside a call of a function; a known tensor is written as its numbers.
    func oldTensor(_ value: Graph.ValueID) -> JSONValue {
        graph.constants[value]?.kerasNumbers ?? place(of: value)
    }

    /// The place as `output_layers` has it, where Keras 3 counts the calls of a functional model from 1.
    func placeAmongOutputs(of value: Graph.ValueID) -> JSONValue {
        guard version.isKeras3, modelOutputs.contains(value), let parts = places[value]?.arrayValue,
            let call = parts[1].intValue
        else { return place(of: value) }
        return [parts[0], .int(call + 1), parts[2]]
    }

    /// The value as Keras 3 writes it inside a call; a known number is written as the number.
    func tensor(_ value: Graph.ValueID) -> JSONValue {
        if let constant = graph.constants[value] { return constant.kerasNumbers }
        return [
            "class_name": "__keras_tensor__",
            "config": [
                "shape": graph.type(of: value).kerasShape, "dtype": .string(graph.type(of: value).dtype.rawValue),
                "keras_history": place(of: value),
            ],
        ]
    }
}

extension Operator {
    /// Whether inputs after the first are the initial states of a recurrence.
    fileprivate var takesInitialStates: Bool { self is any RecurrentOperator || self is Bidirectional }
    /// Whether Keras calls it with a list even for one input.
    fileprivate var takesList: Bool { self is Merge || self is Concatenate }
}

extension ValueType {
    /// The axes as Keras writes them: free ones are null.
    var kerasShape: JSONValue { .array(shape.map { $0.length.map(JSONValue.int) ?? .null }) }
}

extension KerasVersion {
    /// A layer as an object with its class and all its settings.
    ///
    /// - Throws: ``FerryError/Code/unsupported`` where this version cannot express it.
    func layer(
        _ operation: any Operator, name: String, isTrainable: Bool = true, entry: Graph.Layer? = nil,
        activityRegularizer: Regularizer? = nil
    ) throws -> JSONValue {
        if let function = operation as? any KerasOperation { return try self.operation(function, name: name) }
        guard let operation = operation as? any KerasLayer else {
            throw FerryError(.unsupported, found: "has no Keras layer", remedy: "write ONNX instead")
        }
        if let submodel = operation as? Submodel { return try KerasGraphWriter(self).model(submodel.graph, name: name) }
        var settings: OrderedDictionary<String, JSONValue> = ["name": .string(name)]
        // The one class of layers that takes no such argument in Keras 3.
        let takesTrainable = !isKeras3 || !operation.kerasClass(self).hasPrefix("SpatialDropout")
        if takesTrainable { settings["trainable"] = .bool(entry?.isTrainable ?? isTrainable) }
        settings["dtype"] = dtypePolicy(entry)
        for (key, value) in try operation.kerasSettings(self) { settings[key] = value }
        if let regularizer = (entry?.activityRegularizer ?? activityRegularizer)?.keras {
            settings["activity_regularizer"] = object(
                regularizer.className, module: "keras.regularizers", regularizer.settings)
        }
        return object(operation.kerasClass(self), module: "keras.layers", .object(settings))
    }

    /// A model as an object with its class and its layers.
    func model(_ className: String, _ config: JSONValue) -> JSONValue {
        guard isKeras3, className == "Functional" else { return object(className, module: "keras", config) }
        return [
            "module": "keras.src.models.functional", "class_name": "Functional", "config": config,
            "registered_name": "Functional",
        ]
    }

    private func dtypePolicy(_ layer: Graph.Layer?) -> JSONValue {
        let compute = layer?.dtype ?? .float32
        let isMixed = compute != layer?.parameterType ?? .float32
        let name = JSONValue.string(isMixed ? "mixed_\(compute.rawValue)" : compute.rawValue)
        if isKeras3 { return object("DTypePolicy", module: "keras", ["name": name]) }
        return isMixed ? object("Policy", module: "keras.mixed_precision", ["name": name]) : name
    }
}
