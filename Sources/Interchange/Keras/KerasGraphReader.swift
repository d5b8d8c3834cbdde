package import FerryEngine
package import FerryRuntime

/// Builds graphs from the configurations of Keras models.
package struct KerasGraphReader {
    let version: KerasVersion
    let context: KerasContext

    /// A reader for configurations that `version` wrote.
    package init(version: KerasVersion, context: KerasContext) {
        self.version = version
        self.context = context
    }

    /// The graph of a model that Keras writes as `{"class_name": "Sequential" or "Functional", "config": …}`.
    ///
    /// - Throws: ``FerryError`` located at the layer; unknown layers all at once.
    package func graph(_ json: JSONValue) throws -> (name: String, graph: Graph) {
        let (className, settings) = try KerasRecord.classAndSettings(json)
        let name = settings["name"]?.stringValue ?? className.snakeCased
        guard (settings.arrayValue ?? settings["layers"]?.arrayValue) != nil else {
            throw FerryError.subclassedModel(className)
        }
        try refuseUnknownLayers(in: json)
        return (name, try graph(className, settings))
    }

    /// The graph of a model of class `className`.
    func graph(_ className: String, _ settings: JSONValue) throws -> Graph {
        if className == "Sequential" {
            return try sequential(settings.arrayValue ?? settings["layers"]?.arrayValue ?? [], settings)
        }
        guard settings["layers"] != nil, settings["output_layers"] != nil else {
            throw FerryError.subclassedModel(className)
        }
        var functional = KerasFunctionalReader(reader: self, settings: settings)
        return try functional.readGraph()
    }

    private func sequential(_ layers: [JSONValue], _ settings: JSONValue) throws -> Graph {
        var graph = Graph()
        graph.structure = .sequential
        let outputs = try append(layers, settings, to: &graph)
        guard let last = graph.layers.last, !graph.nodes.isEmpty else {
            throw FerryError(.unsupported, found: "a model without layers", expected: "at least one layer")
        }
        if graph.inputs.count > 1 { graph.structure = .functional }
        graph.setOutputs(outputs, names: outputs.map { _ in last.name })
        return graph
    }

    /// Adds the layers of a Sequential model to `graph` and gives the outputs of the last one.
    private func append(
        _ layers: [JSONValue], _ settings: JSONValue, to graph: inout Graph
    ) throws -> [Graph.ValueID] {
        var values: [Graph.ValueID] = []
        for (position, json) in layers.enumerated() {
            if try KerasRecord.classAndSettings(json).className == "InputLayer" {
                values = [try addInput(json, to: &graph)]
                continue
            }
            let branches = try appendBranches(of: json, to: &graph)
            let record = try KerasRecord(json, version: version, context: context)
            guard values.count < 2 else {
                let name = graph.layers.last?.name ?? ""
                throw FerryError(
                    .unsupported, at: ["layer '\(name)'"], found: "\(values.count) outputs",
                    expected: "one, inside a Sequential model")
            }
            if branches.isEmpty && values.isEmpty {
                values = [try firstInput(record, settings, before: layers[position...], &graph)]
            }
            values = try graph.call(layer: graph.addLayer(record.layer), branches + values)
        }
        return values
    }

    /// The outputs of the models that a `Merge` of Keras 1 holds, whose layers become layers of the model around it, as
    /// in its weights (`Sequential.flattened_layers`); none for other layers.
    private func appendBranches(of json: JSONValue, to graph: inout Graph) throws -> [Graph.ValueID] {
        let (className, settings) = try KerasRecord.classAndSettings(json)
        guard className == "Merge" else { return [] }
        return try (settings["layers"]?.arrayValue ?? []).map { branch in
            let (branchClass, inner) = try KerasRecord.classAndSettings(branch)
            guard branchClass == "Sequential", let layers = inner.arrayValue ?? inner["layers"]?.arrayValue else {
                throw FerryError(
                    .unsupported, at: ["layer '\(settings["name"]?.stringValue ?? "merge")' (Merge)"],
                    found: "a branch of class \(branchClass)", expected: "Sequential models",
                    remedy: "rebuild the model with keras.Input and keras.layers")
            }
            return try append(layers, inner, to: &graph)[0]
        }
    }

    /// The input that a Sequential model without an InputLayer implies.
    private func firstInput(
        _ record: KerasRecord, _ settings: JSONValue, before layers: ArraySlice<JSONValue>, _ graph: inout Graph
    ) throws -> Graph.ValueID {
        if let submodel = record.layer.operation as? Submodel, let inner = submodel.graph.inputs.first {
            return graph.addInput("\(record.layer.name)_input", submodel.graph.type(of: inner))
        }
        let built = settings["build_input_shape"]?.arrayValue?.map(\.intValue)
        let isEmbedding = record.layer.operation is Embedding
        let told = record.inputShape ?? built ?? (isEmbedding ? [nil, nil] : nil)
        guard let shape = try told ?? inputShape(of: layers) else {
            throw FerryError(
                .unsupported, at: ["layer '\(record.layer.name)'"], found: "a model that does not say its input shape",
                expected: "batch_input_shape", remedy: "call the model once in Keras before saving it")
        }
        let dtype = record.inputType ?? .float32
        return graph.addInput("\(record.layer.name)_input", ValueType(keras: shape, dtype))
    }

    /// Adds the input that an `InputLayer` describes.
    func addInput(_ json: JSONValue, to graph: inout Graph) throws -> Graph.ValueID {
        let (className, settings) = try KerasRecord.classAndSettings(json)
        let name = settings["name"]?.stringValue ?? json["name"]?.stringValue ?? "input"
        return try locating("layer '\(name)' (\(className))") {
            var config = try KerasConfig(settings, className: className, version: version, context: context)
            config.ignore("name", "trainable", "optional", "input_tensor", "shared_object_id")
            try config.require("sparse", oneOf: false, .null)
            try config.require("ragged", oneOf: false, .null)
            let dtype = try config.take("dtype", "input_dtype").map { try DType.policy($0).variable } ?? .float32
            guard let shape = try config.optionalInts("batch_shape") ?? config.optionalInts("batch_input_shape") else {
                throw FerryError(.missingKey, found: "no setting 'batch_shape'", expected: "a list of lengths")
            }
            config.ignore("batch_input_shape", "shape")
            try config.finish()
            return graph.addInput(name, ValueType(keras: shape, dtype))
        }
    }

    /// Names every layer of a class that Ferry does not know, also in models inside the model.
    private func refuseUnknownLayers(in json: JSONValue) throws {
        var unknown: [(name: String, className: String)] = []
        collectUnknownLayers(in: json, into: &unknown)
        guard let first = unknown.first else { return }
        guard unknown.count > 1 else {
            throw KerasRefusals.error(first.className).located(
                in: "layer '\(first.name)' (\(first.className))")
        }
        let list = unknown.map { "'\($0.name)' (\($0.className))" }.joined(separator: ", ")
        throw FerryError(
            .unknownLayer, found: "\(unknown.count) layers that Ferry does not know: \(list)",
            remedy:
                "rebuild them from the layers in docs/Operators.md, or give Swift operators in their place (ReadOptions.custom)"
        )
    }

    private func collectUnknownLayers(in json: JSONValue, into unknown: inout [(name: String, className: String)]) {
        guard let (className, settings) = try? KerasRecord.classAndSettings(json) else { return }
        if let layers = settings.arrayValue ?? settings["layers"]?.arrayValue {
            for layer in layers { collectUnknownLayers(in: layer, into: &unknown) }
            return
        }
        if let function = KerasFunctionName(json), (try? KerasCatalogue.function(function)) != nil { return }
        if let inner = settings["layer"] { collectUnknownLayers(in: inner, into: &unknown) }
        let isKnown = className == "InputLayer" || KerasCatalogue.knows(className)
        let name = settings["name"]?.stringValue ?? json["name"]?.stringValue ?? "?"
        if !isKnown && context.customLayer(name, className) == nil {
            let function = settings["function"]?.stringValue.map { "\(className) \($0)" }
            unknown.append((name, function ?? className))
        }
    }
}

extension FerryError {
    /// A model whose calls are in Python code and not in the file.
    fileprivate static func subclassedModel(_ className: String) -> FerryError {
        FerryError(
            .unsupported, found: "a model of class \(className), which only its Python code can rebuild",
            expected: "a Sequential or functional model",
            remedy: "export it from Keras as ONNX, or save a functional version of it")
    }
}

extension ValueType {
    /// The type of a Keras input: the first axis is the batch; the first free one after it is time.
    init(keras shape: [Int?], _ dtype: DType) {
        var free = 0
        self.init(
            dtype,
            shape.enumerated().map { axis, length in
                if let length { return .fixed(length) }
                if axis == 0 { return .batch }
                free += 1
                return free == 1 ? .time : .unknown
            })
    }
}
