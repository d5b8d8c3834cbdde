import FerryEngine
import FerryRuntime

/// A layer that no version of Keras has any more, or ever had, and that a few of its layers together equal.
package protocol KerasExpandable: KerasLayer {
    /// Adds the layers that equal this one; the last takes its name and gives its outputs.
    ///
    /// Nothing is added where no layers equal it; it is then refused like every layer that Keras lacks.
    func expand(in expansion: inout KerasExpansion) throws
}

/// What a layer becomes where Keras has several in its place.
package struct KerasExpansion {
    /// The call of the layer that is replaced.
    let node: GraphDraft.Node
    /// The graph as far as it is rewritten.
    private(set) var draft: GraphDraft
    /// The new calls so far.
    private(set) var nodes: [GraphDraft.Node] = []

    fileprivate init(of node: GraphDraft.Node, in draft: GraphDraft) {
        self.node = node
        self.draft = draft
    }

    /// The inputs of the layer.
    var inputs: [Graph.ValueID] { node.inputs.compactMap { $0 } }

    /// The type of a value.
    func type(of value: Graph.ValueID) -> ValueType { draft.type(of: value) }

    /// Adds a layer on the way, called after the layer and `role`.
    mutating func add(
        _ role: String, _ operation: any Operator, _ inputs: Graph.ValueID..., parameters: ParameterSet = .init()
    ) throws -> Graph.ValueID {
        try append("\(node.layer.name)_\(role)", operation, inputs, parameters, output: nil)
    }

    /// Adds the layer that gives an output, the first under the name of the layer itself.
    mutating func finish(_ operation: any Operator, _ inputs: Graph.ValueID..., output: Int = 0) throws {
        let name = output == 0 ? node.layer.name : "\(node.layer.name)_\(output)"
        _ = try append(name, operation, inputs, .init(), output: node.outputs[output])
    }

    private mutating func append(
        _ name: String, _ operation: any Operator, _ inputs: [Graph.ValueID], _ parameters: ParameterSet,
        output: Graph.ValueID?
    ) throws -> Graph.ValueID {
        var new = try draft.makeNode(name, operation, inputs, outputs: [output], parameters: parameters)
        new.layer.isTrainable = node.layer.isTrainable
        nodes.append(new)
        return new.outputs[0]
    }
}

extension Model {
    /// The model with layers of Keras in place of those that it lacks, and a note on each.
    func expandedForKeras() throws -> (model: Model, notes: [String]) {
        let (expanded, changed, notes) = try graph.expandedForKeras(parameters)
        guard !notes.isEmpty else { return (self, []) }
        var metadata = metadata
        var losses: [String] = []
        if metadata.optimizerState != nil {
            metadata.optimizerState = nil
            losses = ["what the optimiser keeps was left out: it belongs to layers that became others"]
        }
        let model = try Model(name: name, graph: expanded, parameters: changed, metadata: metadata)
        return (model, notes + losses)
    }
}

extension Graph {
    fileprivate func expandedForKeras(
        _ parameters: ParameterSet
    ) throws -> (graph: Graph, parameters: ParameterSet, notes: [String]) {
        guard layers.contains(where: { $0.operation is any KerasExpandable || $0.operation is Submodel }) else {
            return (self, parameters, [])
        }
        var notes: [String] = []
        var draft = GraphDraft(self, parameters)
        try draft.replaceOperations { node in
            guard let submodel = node.layer.operation as? Submodel else { return }
            let (graph, parameters, inner) = try submodel.graph.expandedForKeras(node.parameters)
            guard !inner.isEmpty else { return }
            (node.layer.operation, node.parameters) = (Submodel(graph), parameters)
            notes += inner
        }
        for node in draft.nodes {
            guard let layer = node.layer.operation as? any KerasExpandable, !usesMask(node),
                let place = draft.producer(of: node.outputs[0]), draft.ownsLayer(place)
            else { continue }
            var expansion = KerasExpansion(of: node, in: draft)
            try layer.expand(in: &expansion)
            guard !expansion.nodes.isEmpty else { continue }
            draft = expansion.draft
            draft.replace([place], with: expansion.nodes)
            let kinds = expansion.nodes.map(\.layer.operation.kind).joined(separator: ", ")
            notes.append("layer '\(node.layer.name)': \(layer.kind) became \(kinds), which compute the same")
        }
        guard !notes.isEmpty else { return (self, parameters, []) }
        var (graph, changed) = try draft.finished()
        // What became several layers may have branches.
        graph.structure = .functional
        return (graph, changed, notes)
    }

    private func usesMask(_ node: GraphDraft.Node) -> Bool {
        node.mask != .dropped && node.inputs.contains { $0.map(carriesMask) ?? false }
    }
}
