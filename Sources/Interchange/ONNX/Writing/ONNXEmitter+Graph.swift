import FerryEngine
package import FerryRuntime

extension ONNXEmitter {
    /// Adds the nodes of all layers of a graph and gives its outputs.
    package mutating func emit(
        _ graph: Graph, _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet
    ) throws -> [ONNXSignal] {
        var values: [Graph.ValueID: ONNXSignal] = [:]
        for (value, tensor) in graph.constants.sorted(by: { graph.name(of: $0.key) < graph.name(of: $1.key) }) {
            values[value] = ONNXSignal(parameter(graph.name(of: value), tensor), graph.type(of: value))
        }
        for (position, value) in graph.inputs.enumerated() { values[value] = inputs[position] }
        for node in graph.nodes {
            let outputs = try emit(graph.layer(of: node), node, values, parameters)
            for (value, output) in zip(node.outputs, outputs) { values[value] = output }
        }
        return graph.outputs.compactMap { values[$0] }
    }

    private mutating func emit(
        _ layer: Graph.Layer, _ node: Graph.Node, _ values: [Graph.ValueID: ONNXSignal], _ parameters: ParameterSet
    ) throws -> [ONNXSignal] {
        try locating("layer '\(layer.name)' (\(layer.operation.kind))") {
            try scoped(layer.name) { emitter in
                var inputs = node.inputs.map { $0.flatMap { values[$0] } }
                if node.mask != .carried {
                    inputs[0]?.mask = node.mask.value.flatMap { values[$0] }.map { emitter.mask(from: $0) }
                }
                let parameters = parameters.scoped(to: layer.name)
                let outputs = try layer.operation.asONNXWritable().emit(Slots(inputs), parameters, into: &emitter)
                outputs.forEach { emitter.record($0) }
                return outputs
            }
        }
    }

    /// A value used as the mask of another.
    private mutating func mask(from signal: ONNXSignal) -> ONNXMask {
        let name = signal.type.dtype == .bool ? signal.name : cast(signal.name, to: .bool)
        return ONNXMask(name, rank: signal.type.rank)
    }
}
