import FerryEngine
import FerryRuntime

/// What the masks of a graph are made of, as far as it is built.
///
/// Keras 3 writes the masks that it passes on by itself as if a user had given them, with the operations that compute
/// them. They are its own where they are made of the same comparisons as the mask that the input carries; how merged
/// masks are joined is then the layers' business.
struct KerasMaskOrigins {
    /// A value that is compared with a number.
    private struct Origin: Hashable {
        let value: Graph.ValueID
        var relation = Comparison.Relation.notEqual
        /// nil for a value that is a mask by itself.
        var number: Float?
    }

    /// More comparisons than a mask of Keras's own is made of; such a mask counts as given.
    private static let most = 64

    private var computed: [Graph.ValueID: Set<Origin>] = [:]
    private var carried: [Graph.ValueID: Set<Origin>] = [:]
    /// The values before casts.
    private var sources: [Graph.ValueID: Graph.ValueID] = [:]
    private var nodeCount = 0

    /// Whether a mask that a call of `graph` is given is the one that its first input carries.
    mutating func isCarried(_ mask: Graph.ValueID, by input: Graph.ValueID, in graph: Graph) -> Bool {
        guard graph.carriesMask(input) else { return false }
        for node in graph.nodes[nodeCount...] { add(node, of: graph) }
        nodeCount = graph.nodes.count
        return origins(of: mask, in: graph) == carried[input]
    }

    private mutating func add(_ node: Graph.Node, of graph: Graph) {
        guard let output = node.outputs.first else { return }
        let operation = graph.layer(of: node).operation
        let inputs = node.inputs.compactMap { $0 }
        if operation is Cast { sources[output] = source(of: inputs[0]) }
        if graph.type(of: output).dtype == .bool {
            computed[output] = bounded(origins(operation, inputs, output, in: graph), output)
        }
        guard graph.carriesMask(output) else { return }
        carried[output] = bounded(origins(carriedBy: operation, inputs, node, in: graph), output)
    }

    private func origins(
        _ operation: any Operator, _ inputs: [Graph.ValueID], _ output: Graph.ValueID, in graph: Graph
    ) -> Set<Origin> {
        if let comparison = operation as? Comparison {
            guard let tensor = graph.constants[inputs[1]], tensor.count == 1 else { return [Origin(value: output)] }
            return [
                Origin(value: source(of: inputs[0]), relation: comparison.relation, number: tensor.floats[0])
            ]
        }
        // The shape of another tensor, filled with false.
        if operation is Fill { return [] }
        return inputs.reduce(into: []) { $0.formUnion(origins(of: $1, in: graph)) }
    }

    private func origins(
        carriedBy operation: any Operator, _ inputs: [Graph.ValueID], _ node: Graph.Node, in graph: Graph
    ) -> Set<Origin> {
        if let given = node.mask.value { return origins(of: given, in: graph) }
        switch operation {
        case is Embedding: return [Origin(value: source(of: inputs[0]), number: 0)]
        case let masking as Masking: return [Origin(value: source(of: inputs[0]), number: masking.value)]
        case is Submodel: return [Origin(value: node.outputs[0])]
        default: return inputs.reduce(into: []) { $0.formUnion(carried[$1] ?? []) }
        }
    }

    private func origins(of mask: Graph.ValueID, in graph: Graph) -> Set<Origin> {
        graph.constants[mask] == nil ? computed[mask] ?? [Origin(value: mask)] : []
    }

    private func source(of value: Graph.ValueID) -> Graph.ValueID { sources[value] ?? value }

    private func bounded(_ origins: Set<Origin>, _ value: Graph.ValueID) -> Set<Origin> {
        origins.count > Self.most ? [Origin(value: value)] : origins
    }
}
