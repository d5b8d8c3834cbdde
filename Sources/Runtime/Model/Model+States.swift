extension Model {
    /// The model with the states of its stateful layers as further inputs, behind its own, and as further outputs in
    /// the same order: `[batch, units]` each, called `layer_state_0` and `layer_next_state_0`.
    ///
    /// A layer that several nodes call, or that stands in a nested model, keeps its states to itself.
    package func exposingStates() throws -> Model {
        guard graph.isStateful else { return self }
        var draft = GraphDraft(graph, parameters)
        try draft.exposeStates()
        let (exposed, parameters) = try draft.finished()
        var result = try Model(name: name, graph: exposed, parameters: parameters)
        result.metadata = metadata
        return result
    }
}

extension GraphDraft {
    fileprivate mutating func exposeStates() throws {
        for index in nodes.indices {
            let node = nodes[index]
            guard node.layer.operation.isStateful, node.inputs.count == 1, ownsLayer(index),
                let operation = node.layer.operation.takingStates
            else { continue }
            let made = try makeNode(node.layer.name, operation, node.inputs)
            let sequences = RecurrentLayer(operation)?.sequenceCount ?? 1
            let own = Array(node.outputs.prefix(sequences))
            let states = Array(node.outputs.count > sequences ? node.outputs[sequences...] : made.outputs[sequences...])
            var new = node
            new.layer.operation = operation
            new.outputs = own + states
            for (place, state) in states.enumerated() {
                new.inputs.append(addInput("\(node.layer.name)_state_\(place)", type(of: state)))
                addOutput("\(node.layer.name)_next_state_\(place)", state)
            }
            replace([index], with: [new])
        }
    }
}

extension Operator {
    /// The layer as one that is given its states and gives them back; nil where it has none of its own.
    fileprivate var takingStates: (any Operator)? {
        func change(_ options: inout RecurrentOptions) { (options.isStateful, options.returnState) = (false, true) }
        if var convolution = self as? ConvLSTM {
            change(&convolution.options)
            return convolution
        }
        return RecurrentLayer(self)?.with(change).operation
    }
}
