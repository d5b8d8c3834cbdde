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
        try refuseUnknownLayers(in: json)
        return (name, try graph(className, settings))
    }

    /// The graph of a model of class `className`.
    func graph(_ className: String, _ settings: JSONValue) throws -> Graph {
        if className == "Sequential" {
            return try sequential(settings.arrayValue ?? settings["layers"]?.arrayValue ?? [], settings)
        }
        guard settings["layers"] != nil, settings["output_layers"] != nil else {
            throw FerryError(
                .unsupported, found: "a model of class \(className), which only its Python code can rebuild",
                expected: "a Sequential or functional model",
                remedy: "export it from Keras as ONNX, or save a functional version of it")
        }
        var functional = KerasFunctionalReader(reader: self, settings: settings)
        return try functional.readGraph()
    }

    private func sequential(_ layers: [JSONValue], _ settings: JSONValue) throws -> Graph {
        var graph = Graph()
        graph.structure = .sequential
        var value: Graph.ValueID?
        for json in layers {
            if try KerasRecord.classAndSettings(json).className == "InputLayer" {
                value = try addInput(json, to: &graph)
                continue
            }
            let record = try KerasRecord(json, version: version, context: context)
            let input = try value ?? firstInput(record, settings, &graph)
            let outputs = try graph.call(layer: graph.addLayer(record.layer), [input])
            guard outputs.count == 1 || json == layers.last else {
                throw FerryError(
                    .unsupported, at: ["layer '\(record.layer.name)'"], found: "\(outputs.count) outputs",
                    expected: "one, inside a Sequential model")
            }
            value = outputs[0]
            graph.setOutputs(outputs, names: outputs.map { _ in record.layer.name })
        }
        guard value != nil, !graph.nodes.isEmpty else {
            throw FerryError(.unsupported, found: "a model without layers", expected: "at least one layer")
        }
        return graph
    }

    /// The input that a Sequential model without an InputLayer implies.
    private func firstInput(_ record: KerasRecord, _ settings: JSONValue, _ graph: inout Graph) throws -> Graph.ValueID
    {
        if let submodel = record.layer.operation as? Submodel, let inner = submodel.graph.inputs.first {
            return graph.addInput("\(record.layer.name)_input", submodel.graph.type(of: inner))
        }
        let built = settings["build_input_shape"]?.arrayValue?.map(\.intValue)
        let isEmbedding = record.layer.operation is Embedding
        guard let shape = record.inputShape ?? built ?? (isEmbedding ? [nil, nil] : nil) else {
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
            throw FerryError.unknownKerasLayer(first.className).located(
                in: "layer '\(first.name)' (\(first.className))")
        }
        let list = unknown.map { "'\($0.name)' (\($0.className))" }.joined(separator: ", ")
        throw FerryError(
            .unknownLayer, found: "\(unknown.count) layers that Ferry does not know: \(list)",
            remedy: "rebuild them from the layers in docs/Operators.md")
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
        if !isKnown && context.replacements[className] == nil {
            let function = settings["function"]?.stringValue.map { "\(className) \($0)" }
            unknown.append((settings["name"]?.stringValue ?? json["name"]?.stringValue ?? "?", function ?? className))
        }
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
