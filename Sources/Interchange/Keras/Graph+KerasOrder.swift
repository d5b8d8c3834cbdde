import FerryRuntime

extension Model {
    /// The same model with its layers in the order in which Keras lists them, by which its files tell weights apart.
    func inKerasOrder() throws -> Model {
        guard graph.structure == .functional else { return self }
        var copy = try Model(
            name: name, graph: graph.orderingLayers(KerasLayerOrder(graph).layers), parameters: parameters)
        copy.metadata = metadata
        return copy
    }
}

/// The order of a functional model's layers (Keras 3 `map_graph`): those furthest from the outputs first, and of two as
/// far that one which a walk from the outputs meets first.
private struct KerasLayerOrder {
    private let graph: Graph
    private var producers: [Graph.ValueID: Int] = [:]
    /// The nodes in the order in which the walk leaves them.
    private var finished: [Int] = []
    /// The layers in the order in which the walk meets them.
    private var met: [Int] = []

    init(_ graph: Graph) {
        self.graph = graph
        for (index, node) in graph.nodes.enumerated() { for value in node.outputs { producers[value] = index } }
        walk()
    }

    /// The layers' places in ``Graph/layers``.
    var layers: [Int] {
        var depths = [Int](repeating: 0, count: graph.nodes.count)
        var layerDepths = [Int](repeating: 0, count: graph.layers.count)
        for index in finished.reversed() {
            let layer = graph.nodes[index].layer
            let depth = max(depths[index], layerDepths[layer])
            (layerDepths[layer], depths[index]) = (depth, depth)
            for parent in parents(of: index) { depths[parent] = max(depth + 1, depths[parent]) }
        }
        let places = Dictionary(uniqueKeysWithValues: met.enumerated().map { ($1, $0) })
        let unmet = graph.layers.indices.filter { places[$0] == nil }
        return met.sorted { (-layerDepths[$0], places[$0] ?? 0) < (-layerDepths[$1], places[$1] ?? 0) } + unmet
    }

    private func parents(of node: Int) -> [Int] {
        (graph.nodes[node].inputs + [graph.nodes[node].mask.value]).compactMap { $0.flatMap { producers[$0] } }
    }

    /// Goes from each output to the inputs, the first input of a node first; without recursion, for graphs are deep.
    private mutating func walk() {
        var state = [Int](repeating: 0, count: graph.nodes.count)
        var known = Set<Int>()
        for output in graph.outputs.compactMap({ producers[$0] }) {
            var stack = [output]
            while let node = stack.last {
                if state[node] == 0 {
                    state[node] = 1
                    if known.insert(graph.nodes[node].layer).inserted { met.append(graph.nodes[node].layer) }
                }
                if let next = parents(of: node).first(where: { state[$0] == 0 }) {
                    stack.append(next)
                } else {
                    stack.removeLast()
                    if state[node] == 1 { finished.append(node) }
                    state[node] = 2
                }
            }
        }
    }
}
