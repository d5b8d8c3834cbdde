package import FerryEngine

/// A graph whose layers are made ready to run.
struct PreparedGraph: PreparedOperator {
    let graph: Graph
    let layers: [any PreparedOperator]
    /// For each node, the values that nobody reads after it.
    private let lastUses: [[Graph.ValueID]]

    init(_ graph: Graph, _ parameters: ParameterSet, _ packing: Packing = Packing()) throws {
        let layers = try graph.layers.map { layer in
            try locating("layer '\(layer.name)' (\(layer.operation.kind))") {
                try layer.operation.prepare(parameters.scoped(to: layer.name), packing)
            }
        }
        self.init(graph, layers)
    }

    /// A graph whose layers run by their plain definitions.
    init(plain graph: Graph, _ parameters: ParameterSet) {
        self.init(
            graph,
            graph.layers.map { PlainOperator(operation: $0.operation, parameters: parameters.scoped(to: $0.name)) })
    }

    private init(_ graph: Graph, _ layers: [any PreparedOperator]) {
        self.graph = graph
        self.layers = layers
        lastUses = Self.lastUses(in: graph)
    }

    func run(_ inputs: Slots<Signal>, _ state: inout LayerState) throws -> [Signal] {
        var values = [Signal?](repeating: nil, count: graph.valueCount)
        for (value, tensor) in graph.constants { values[value.index] = Signal(tensor) }
        for (position, value) in graph.inputs.enumerated() { values[value.index] = inputs[position] }
        for (position, node) in graph.nodes.enumerated() {
            let outputs = try run(node, &values, &state)
            for (value, output) in zip(node.outputs, outputs) { values[value.index] = output }
            for value in lastUses[position] { values[value.index] = nil }
        }
        return Slots(graph.outputs.map { values[$0.index] }).present
    }

    private func run(_ node: Graph.Node, _ values: inout [Signal?], _ state: inout LayerState) throws -> [Signal] {
        var inputs = node.inputs.map { $0.flatMap { values[$0.index] } }
        if node.mask != .carried { inputs[0]?.mask = node.mask.value.flatMap { values[$0.index]?.tensor } }
        let slots = Slots(inputs)
        let layer = graph.layer(of: node)
        return try locating("layer '\(layer.name)' (\(layer.operation.kind))") {
            try RunLimits.check(layer.operation.outputTypes(for: slots.map { ValueType(of: $0.tensor) }))
            return try state.withChild(layer.name) { try layers[node.layer].run(slots, &$0) }
        }
    }

    private static func lastUses(in graph: Graph) -> [[Graph.ValueID]] {
        var kept = Set(graph.outputs).union(graph.constants.keys)
        return graph.nodes.reversed().map { node in
            let read = node.inputs + [node.mask.value] + node.outputs
            return read.compactMap { $0 }.filter { kept.insert($0).inserted }
        }.reversed()
    }
}

extension Graph {
    /// Computes the outputs by the plain definition of every layer, without any kernel.
    ///
    /// - Throws: ``FerryError`` located at the layer that cannot run.
    package func evaluate(
        _ inputs: [Tensor], _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Tensor] {
        try PreparedGraph(plain: self, parameters).run(Slots(inputs.map { Signal($0) }), &state).map(\.tensor)
    }
}
