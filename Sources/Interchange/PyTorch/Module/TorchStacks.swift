import FerryEngine
import FerryRuntime

/// Which layers of a graph are one stacked module of PyTorch, such as `nn.LSTM(…, num_layers=2)`.
struct TorchStacks {
    /// The outputs of layers that a higher layer's module computes along, with the inputs of those layers.
    private(set) var passedOver: [Graph.ValueID: Graph.ValueID] = [:]
    private var sizes: [String: (layers: Int, dropout: Double)] = [:]
    /// What the lowest layer of the stack reads whose highest stands at a place.
    private(set) var bottoms: [String: Graph.ValueID] = [:]

    /// The stacks among the layers of `graph` that `sources` says to be of one module, each feeding the next.
    init(_ graph: Graph, _ sources: [String: ParameterSource], scope: String) {
        let places = graph.nodes.map { sources[scope + graph.layer(of: $0).name] }
        for (index, node) in graph.nodes.enumerated() {
            guard let source = places[index], source.level > 0, let input = node.inputs.first.flatMap({ $0 }) else {
                continue
            }
            guard let lower = Self.lower(than: input, graph),
                let below = places[lower.node], below.module == source.module, below.level == source.level - 1
            else { continue }
            for value in lower.values { passedOver[value] = graph.input(of: value) }
            let lowerPlace = scope + graph.layer(of: graph.nodes[lower.node]).name
            let size = sizes[lowerPlace] ?? (1, 0)
            let place = scope + graph.layer(of: node).name
            sizes[place] = (size.layers + 1, max(size.dropout, lower.dropout))
            bottoms[place] = bottoms[lowerPlace] ?? graph.nodes[lower.node].inputs.first.flatMap { $0 }
        }
    }

    /// How many layers the module of the layer at a place computes, and the dropout between them.
    func size(of place: String) -> (layers: Int, dropout: Double) { sizes[place] ?? (1, 0) }

    /// The node that makes `value`, perhaps with a dropout in between, where nobody else reads its output.
    private static func lower(
        than value: Graph.ValueID, _ graph: Graph
    ) -> (node: Int, values: [Graph.ValueID], dropout: Double)? {
        var values = [value]
        var dropout = 0.0
        while let last = values.last, let index = graph.nodes.firstIndex(where: { $0.outputs.first == last }),
            graph.readers(of: last) == 1
        {
            let node = graph.nodes[index]
            guard let noise = (graph.layer(of: node).operation as? Dropout)?.noise else {
                return node.inputs.count == 1 ? (index, values, dropout) : nil
            }
            if case .dropout(let rate, _, _) = noise { dropout = rate }
            guard let input = node.inputs.first.flatMap({ $0 }) else { return nil }
            values.append(input)
        }
        return nil
    }
}

extension Graph {
    /// The first input of the node that makes `value`.
    fileprivate func input(of value: ValueID) -> ValueID? {
        nodes.first { $0.outputs.first == value }?.inputs.first.flatMap { $0 }
    }

    /// How many nodes read `value`; an output of the graph counts too.
    fileprivate func readers(of value: ValueID) -> Int {
        nodes.count { $0.inputs.contains(value) } + outputs.count { $0 == value }
    }
}
