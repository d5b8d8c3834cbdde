extension [ONNXNode] {
    /// The nodes with values under other names, those of inner graphs included.
    func renaming(_ names: [String: String]) -> [ONNXNode] {
        func renamed(_ name: String) -> String { names[name] ?? name }
        return map { node in
            var node = node
            node.inputs = node.inputs.map(renamed)
            node.outputs = node.outputs.map(renamed)
            node.attributes = node.attributes.map { attribute in
                guard case .graph(var body) = attribute.value else { return attribute }
                body.nodes = body.nodes.renaming(names)
                for i in body.outputs.indices { body.outputs[i].name = renamed(body.outputs[i].name) }
                return ONNXAttribute(attribute.name, .graph(body))
            }
            return node
        }
    }
}

extension ONNXGraph {
    /// Removes the nodes and constants that no output depends on, such as masks that nobody reads.
    mutating func removeUnusedParts() {
        var used = Set(outputs.map(\.name))
        nodes = nodes.reversed().filter { node in
            guard node.outputs.contains(where: used.contains) else { return false }
            used.formUnion(node.namesRead)
            return true
        }.reversed()
        initializers.removeAll { !used.contains($0.name) }
    }
}

extension ONNXNode {
    /// The names that the node reads, those that its inner graphs read from outside included.
    fileprivate var namesRead: Set<String> {
        attributes.reduce(into: Set(inputs)) { names, attribute in
            guard case .graph(let body) = attribute.value else { return }
            names.formUnion(body.outputs.map(\.name))
            for node in body.nodes { names.formUnion(node.namesRead) }
        }
    }
}
