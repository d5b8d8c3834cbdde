package import FerryEngine

/// A graph whose layers are made ready to run.
struct PreparedGraph: PreparedOperator {
    let graph: Graph
    let layers: [any PreparedOperator]
    /// How many parameters each layer has.
    let parameterCounts: [Int]
    /// For each node, the values that nobody reads after it.
    private let lastUses: [[Graph.ValueID]]

    init(_ graph: Graph, _ parameters: ParameterSet, _ packing: Packing = Packing()) throws {
        let layers = try graph.layers.map { layer in
            try locating("layer '\(layer.name)' (\(layer.operation.kind))") {
                try layer.operation.prepare(parameters.scoped(to: layer.name), packing)
            }
        }
        self.init(graph, layers, parameters)
    }

    /// A graph whose layers run by their plain definitions.
    init(plain graph: Graph, _ parameters: ParameterSet) {
        self.init(
            graph,
            graph.layers.map { PlainOperator(operation: $0.operation, parameters: parameters.scoped(to: $0.name)) },
            parameters)
    }

    private init(_ graph: Graph, _ layers: [any PreparedOperator], _ parameters: ParameterSet) {
        self.graph = graph
        self.layers = layers
        parameterCounts = parameters.elementCounts(ofLayers: graph.layers.map(\.name))
        lastUses = Self.lastUses(in: graph)
    }

    func run(_ inputs: Slots<Signal>, _ state: inout LayerState) throws -> [Signal] {
        try RunMeter.withMeter(for: inputs, parameterCount: parameterCounts.reduce(0, +)) { meter in
            try run(inputs, &state, meter)
        }
    }

    private func run(_ inputs: Slots<Signal>, _ state: inout LayerState, _ meter: RunMeter) throws -> [Signal] {
        var values = [Signal?](repeating: nil, count: graph.valueCount)
        // The bytes of each value that was computed here.
        var sizes = [Int](repeating: 0, count: graph.valueCount)
        defer { meter.release(sizes.reduce(0, +)) }
        for (value, tensor) in graph.constants { values[value.index] = Signal(tensor) }
        for (position, value) in graph.inputs.enumerated() { values[value.index] = inputs[position] }
        for (position, node) in graph.nodes.enumerated() {
            let outputs = try run(node, &values, &state, meter)
            for (value, output) in zip(node.outputs, outputs) {
                values[value.index] = output
                sizes[value.index] = output.tensor.byteCount
                try meter.hold(sizes[value.index])
            }
            for value in lastUses[position] {
                values[value.index] = nil
                meter.release(sizes[value.index])
                sizes[value.index] = 0
            }
        }
        return Slots(graph.outputs.map { values[$0.index] }).present
    }

    private func run(
        _ node: Graph.Node, _ values: inout [Signal?], _ state: inout LayerState, _ meter: RunMeter
    ) throws -> [Signal] {
        var inputs = node.inputs.map { $0.flatMap { values[$0.index] } }
        let layer = graph.layer(of: node)
        return try locating("layer '\(layer.name)' (\(layer.operation.kind))") {
            try inputs.apply(node.mask, values)
            let slots = Slots(inputs)
            let given = slots.map { ValueType(of: $0.tensor) }
            let types = try layer.operation.outputTypes(for: given)
            try RunLimits.check(types)
            try meter.requireRoom(for: types)
            try meter.count(
                layer.operation.work(given, types, parameterCount: parameterCounts[node.layer]))
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
