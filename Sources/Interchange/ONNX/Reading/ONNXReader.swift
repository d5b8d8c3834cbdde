import FerryEngine
package import FerryRuntime

/// Makes a model of the messages of an ONNX file.
package enum ONNXReader {
    /// The versions of ONNX's operators whose meaning is known here.
    package static let opsets = 1...28

    /// The model that a file describes, its recurrent and dense layers recognised.
    ///
    /// - Throws: ``FerryError`` located at the file and the node; ``FerryError/Code/unsupported`` naming every node
    ///   whose operator cannot be read, before anything else.
    package static func read(_ onnx: ONNXModel, file: ModelFile) throws -> Model {
        try read(onnx, fileName: file.name)
    }

    /// The model that the messages of a file of the given name describe.
    package static func read(_ onnx: ONNXModel, fileName: String) throws -> Model {
        try locating(fileName) {
            let opset = try opset(of: onnx)
            let graph = try onnx.inliningFunctions()
            try refuseUnknown(graph)
            let scope = ONNXScope(opset: opset, producer: onnx.producerName)
            try scope.read(graph)
            let name = graph.name.isEmpty ? String(fileName.prefix { $0 != "." }) : graph.name
            let raw = try Model(name: name, graph: scope.graph, parameters: scope.parameters)
            let lifted = try lifted(raw, onnx, scope.notes)
            // Where everything is a layer, the graph says it all, but for whose states come in and go out.
            let isPlain = lifted.graph.layers.allSatisfy { $0.operation is any KerasLayer } && lifted.statePorts.isEmpty
            return isPlain ? lifted : ONNXKerasMetadata.restored(lifted, from: onnx) ?? lifted
        }
    }

    private static func lifted(_ model: Model, _ onnx: ONNXModel, _ notes: [String]) throws -> Model {
        var draft = GraphDraft(model.graph, model.parameters)
        let isSurveyable = draft.nodes.count <= mostNodes
        if isSurveyable { try PassCatalogue.run(on: &draft) }
        let operators = Set(onnx.graph.nodes.map(\.opType))
        draft.shortenNames { path in
            let base = path.last.map { String($0.prefix { $0 != "_" }) }
            return base.map(operators.contains) == true && path.count > 1 ? path.dropLast().joined(separator: "/") : nil
        }
        // Exporters of Keras put the model's name before all others; a layer's own name comes next.
        let models = Set(draft.nodes.map { $0.layer.name.prefix { $0 != "/" } }.filter { !$0.contains("__") })
        draft.shortenNames { path in
            path.count > 1 && models.count == 1 ? path[1] : path.count > 1 ? path[0] : nil
        }
        draft.renameLayers { $0.replacing("/", with: "_") }
        let report = draft.liftReport()
        let (graph, parameters) = try draft.finished()
        var result = try Model(name: model.name, graph: graph, parameters: parameters)
        result.metadata.format = "ONNX"
        let producer = [onnx.producerName, onnx.producerVersion].filter { !$0.isEmpty }
        result.metadata.producer = producer.isEmpty ? nil : producer.joined(separator: " ")
        result.metadata.liftReport = report
        result.metadata.notes = notes
        if !isSurveyable {
            result.metadata.notes.append("more than \(mostNodes) nodes; no layers were looked for among them")
        }
        if !onnx.trainingInfo.isEmpty { result.metadata.notes.append("the file's training information was not read") }
        return result
    }

    /// The most nodes among which layers are looked for, which takes time with the square of their number.
    private static let mostNodes = 1 << 13

    private static func opset(of onnx: ONNXModel) throws -> Int {
        let versions = onnx.opsets.filter { isDefault($0.domain) }.map(\.version)
        guard let version = versions.max() else {
            // A file without ONNX's own operators need not say, nor one of the first format version.
            if onnx.graph.allNodes.allSatisfy({ !isDefault($0.domain) }) { return opsets.upperBound }
            guard onnx.irVersion < 3 else {
                throw FerryError.damaged("does not say which version of ONNX's operators it uses")
            }
            return 1
        }
        guard opsets.contains(version) else {
            throw FerryError(
                .unsupported, found: "uses version \(version) of ONNX's operators",
                expected: "Ferry reads \(opsets.lowerBound) to \(opsets.upperBound)",
                remedy: "convert it with onnx.version_converter")
        }
        return version
    }

    private static func refuseUnknown(_ graph: ONNXGraph) throws {
        let unknown = graph.allNodes.filter {
            ONNXReaderCatalogue.byOperator[$0.qualifiedType] == nil
        }
        guard !unknown.isEmpty else { return }
        let nodes = unknown.map { node in
            let name = node.name.isEmpty ? node.outputs.first ?? "" : node.name
            return "'\(name)' (\(node.qualifiedType))"
        }
        throw FerryError(
            .unsupported,
            found: unknown.count == 1
                ? "1 operator is not supported: \(nodes[0])"
                : "\(unknown.count) operators are not supported: \(nodes.joined(separator: ", "))",
            remedy: "see docs/Operators.md for those that are")
    }

    /// Whether a domain is that of ONNX's own operators.
    static func isDefault(_ domain: String) -> Bool { domain.isEmpty || domain == "ai.onnx" }
}

extension ONNXNode {
    /// The operator with its domain, such as `com.microsoft.FusedMatMul`, but for ONNX's own.
    package var qualifiedType: String { ONNXReader.isDefault(domain) ? opType : "\(domain).\(opType)" }
}

extension ONNXGraph {
    /// The nodes, those of inner graphs included.
    var allNodes: [ONNXNode] {
        nodes.flatMap { node in
            [node]
                + node.attributes.flatMap { attribute -> [ONNXNode] in
                    switch attribute.value {
                    case .graph(let graph): graph.allNodes
                    case .graphs(let graphs): graphs.flatMap(\.allNodes)
                    default: []
                    }
                }
        }
    }
}
