import FerryEngine

extension ONNXModel {
    /// The graph with every call of a function that the model defines replaced by the function's nodes.
    ///
    /// - Throws: ``FerryError/Code/damagedFile`` where functions call each other in a circle.
    func inliningFunctions() throws -> ONNXGraph {
        functions.isEmpty ? graph : try ONNXInliner(functions: functions).inlined(graph, depth: 0)
    }
}

/// Replaces calls by what is called.
private struct ONNXInliner {
    let functions: [ONNXFunction]

    func inlined(_ graph: ONNXGraph, depth: Int) throws -> ONNXGraph {
        var result = graph
        result.nodes = try inlined(graph.nodes, depth: depth)
        return result
    }

    private func inlined(_ nodes: [ONNXNode], depth: Int) throws -> [ONNXNode] {
        guard depth < 32 else { throw FerryError.damaged("has functions that call each other in a circle") }
        return try nodes.enumerated().flatMap { index, node -> [ONNXNode] in
            if let function = functions.first(where: { $0.isCalled(by: node) }) {
                return try inlined(function.body(for: node, index: index), depth: depth + 1)
            }
            var copy = node
            copy.attributes = try node.attributes.map { attribute in
                guard case .graph(let body) = attribute.value else { return attribute }
                return ONNXAttribute(attribute.name, .graph(try inlined(body, depth: depth)))
            }
            return [copy]
        }
    }
}

extension ONNXFunction {
    fileprivate func isCalled(by node: ONNXNode) -> Bool {
        name == node.opType && domain == node.domain && overload == node.overload
    }

    /// The nodes under names that belong to one call, with the attributes of the call.
    fileprivate func body(for call: ONNXNode, index: Int) -> [ONNXNode] {
        let prefix = call.name.isEmpty ? "\(name)_\(call.outputs.first ?? "\(index)")" : call.name
        var names = Dictionary(
            zip(inputs, call.inputs + [String](repeating: "", count: inputs.count)), uniquingKeysWith: { a, _ in a })
        for (inner, outer) in zip(outputs, call.outputs) where !outer.isEmpty { names[inner] = outer }
        let given = Dictionary(
            (call.attributes + attributeDefaults).map { ($0.name, $0.value) }, uniquingKeysWith: { a, _ in a })
        return nodes.map { $0.renamed(names, prefix: prefix, given) }
    }
}

extension ONNXNode {
    fileprivate func renamed(
        _ names: [String: String], prefix: String, _ given: [String: ONNXAttribute.Value]
    ) -> ONNXNode {
        func renamed(_ name: String) -> String { name.isEmpty ? "" : names[name] ?? "\(prefix)/\(name)" }
        var node = self
        node.name = "\(prefix)/\(name.isEmpty ? outputs.first ?? opType : name)"
        node.inputs = inputs.map(renamed)
        node.outputs = outputs.map(renamed)
        node.attributes = attributes.compactMap { attribute in
            switch attribute.value {
            case .reference(let source, _): given[source].map { ONNXAttribute(attribute.name, $0) }
            case .graph(let body): ONNXAttribute(attribute.name, .graph(body.renamed(names, prefix: prefix, given)))
            default: attribute
            }
        }
        return node
    }
}

extension ONNXGraph {
    fileprivate func renamed(
        _ names: [String: String], prefix: String, _ given: [String: ONNXAttribute.Value]
    ) -> ONNXGraph {
        func renamed(_ name: String) -> String { names[name] ?? "\(prefix)/\(name)" }
        var graph = self
        graph.nodes = nodes.map { $0.renamed(names, prefix: prefix, given) }
        graph.inputs = inputs.map { ONNXValueInfo(name: renamed($0.name), type: $0.type) }
        graph.outputs = outputs.map { ONNXValueInfo(name: renamed($0.name), type: $0.type) }
        for index in graph.initializers.indices { graph.initializers[index].name = renamed(initializers[index].name) }
        for index in graph.sparseInitializers.indices {
            graph.sparseInitializers[index].values.name = renamed(sparseInitializers[index].values.name)
        }
        return graph
    }
}
