import FerryEngine
package import FerryRuntime

/// Says a model in ONNX's operators.
package enum ONNXWriter {
    /// A model in ONNX's operators.
    package struct Result: Sendable {
        /// The model, ready to be encoded.
        package let model: ONNXModel
        /// What did not survive, one sentence each.
        package let notes: [String]
    }

    /// The versions of ONNX's operators that can be written.
    package static let opsets = 13...22

    /// The model in the operators of `opset`; its inputs and outputs keep their names.
    ///
    /// - Throws: ``FerryError/Code/unsupported`` naming every layer that cannot be written, before anything else.
    package static func write(_ model: Model, opset: Int) throws -> Result {
        guard opsets.contains(opset) else {
            throw FerryError(
                .range, found: "cannot write ONNX of opset \(opset)",
                expected: "Ferry writes opset \(opsets.lowerBound) to \(opsets.upperBound)")
        }
        try refuse(model.graph.obstaclesToONNX(opset: opset))
        let whole = model
        let model = try model.exposingStates()
        let dimensions = ONNXDimensions(model.inputs)
        let inputs = model.inputs.map { ONNXSignal($0.name, $0.type) }
        var emitter = ONNXEmitter(opset: opset, reserved: inputs.map(\.name) + model.graph.outputNames)
        let computed = try emitter.emit(model.graph, Slots(inputs), model.parameters)

        var graph = ONNXGraph(name: model.name.isEmpty ? "model" : model.name)
        let names = emitter.finish(computed, as: model.outputs, inputs: inputs.map(\.name))
        (graph.nodes, graph.initializers) = (emitter.nodes.renaming(names.renamed), emitter.initializers)
        graph.inputs = model.inputs.map { dimensions.info($0.name, $0.type, isInput: true) }
        graph.outputs = zip(names.outputs, model.outputs).map { dimensions.info($0, $1.type) }
        graph.removeUnusedParts()
        graph.valueInfo = emitter.valueInfo(dimensions, of: graph)

        var result = ONNXModel(graph: graph, opsets: [ONNXOpset(version: opset)], irVersion: irVersion(opset))
        result.producerName = "ferry"
        result.metadata = ONNXKerasMetadata.entries(for: whole)
        return Result(model: result, notes: emitter.notes + notes(on: whole, model))
    }

    private static func refuse(_ obstacles: [String]) throws {
        guard !obstacles.isEmpty else { return }
        let layers = obstacles.count == 1 ? "1 layer" : "\(obstacles.count) layers"
        throw FerryError(
            .unsupported, found: "\(layers) cannot be written to ONNX: \(obstacles.joined(separator: ", "))")
    }

    /// The version of the file format that came out with an opset.
    private static func irVersion(_ opset: Int) -> Int {
        switch opset {
        case ...14: 7
        case ...18: 8
        case ...20: 9
        default: 10
        }
    }

    private static func notes(on model: Model, _ written: Model) -> [String] {
        let ports = zip(written.inputs.dropFirst(model.inputs.count), written.outputs.dropFirst(model.outputs.count))
            .map { "'\($0.name)' → '\($1.name)'" }
        var notes: [String] = []
        if !ports.isEmpty {
            notes.append("states come in and go out, zeros at first: \(ports.joined(separator: ", "))")
        }
        switch model.metadata.compileConfiguration {
        case nil, .null?: break
        default: notes.append("the training configuration is left out; ONNX has no place for it")
        }
        return notes
    }
}

extension Graph {
    /// The layers that ONNX cannot hold at `opset`, each as `'name' (Kind)`.
    func obstaclesToONNX(opset: Int) -> [String] {
        let called = Set(nodes.map(\.layer))
        return layers.indices.filter(called.contains).flatMap { index in
            layers[index].operation.obstaclesToONNX(layers[index].name, opset: opset)
        }
    }
}

extension ONNXEmitter {
    /// Gives the outputs of the graph the names and types that they shall have.
    ///
    /// - Returns: the names of the outputs, and the new names of values that are to be renamed.
    fileprivate mutating func finish(
        _ computed: [ONNXSignal], as outputs: [(name: String, type: ValueType)], inputs: [String]
    ) -> (outputs: [String], renamed: [String: String]) {
        let made = Set(nodes.flatMap(\.outputs))
        var renamed: [String: String] = [:]
        let names = zip(computed, outputs).map { signal, output in
            let name = inputs.contains(output.name) ? outputName(besides: output.name) : output.name
            if signal.type.dtype == output.type.dtype && made.contains(signal.name) && renamed[signal.name] == nil {
                renamed[signal.name] = name
                return name
            }
            let last =
                signal.type.dtype == output.type.dtype
                ? apply("Identity", signal.name) : cast(signal.name, to: output.type.dtype)
            renamed[last] = name
            return name
        }
        return (names, renamed)
    }

    /// A name for an output whose own is that of an input, which ONNX keeps apart.
    private mutating func outputName(besides name: String) -> String {
        let other = fresh(name)
        note("output '\(name)' is called '\(other)', because an input has its name")
        return other
    }

    /// The types of values between inputs and outputs, which have other names.
    fileprivate func valueInfo(_ dimensions: ONNXDimensions, of graph: ONNXGraph) -> [ONNXValueInfo] {
        graph.nodes.flatMap(\.outputs).compactMap { name in types[name].map { dimensions.info(name, $0) } }
    }
}
