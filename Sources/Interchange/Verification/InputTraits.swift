import FerryEngine
import FerryRuntime

/// What random values for one input of a model must respect.
struct InputTraits {
    /// The smallest table in which its elements are looked up; nil where they are no token ids.
    var vocabulary: Int?
    /// The value that marks padded steps.
    var padding: Float?

    /// What both must respect.
    func merged(with other: InputTraits) -> InputTraits {
        let vocabulary = [vocabulary, other.vocabulary].compactMap { $0 }.min()
        return InputTraits(vocabulary: vocabulary, padding: padding ?? other.padding)
    }
}

extension Graph {
    /// The traits of every input, in the model's order.
    var inputTraits: [InputTraits] {
        var tracer = InputTracer(traits: inputs.map { _ in InputTraits() })
        _ = tracer.follow(self, inputs.indices.map { [$0] })
        return tracer.traits
    }
}

/// Follows inputs through the layers without parameters, which only move elements, to those that read them.
private struct InputTracer {
    /// The inputs from which a value is made.
    typealias Origins = Set<Int>

    var traits: [InputTraits]

    mutating func follow(_ graph: Graph, _ inputs: [Origins]) -> [Origins] {
        var origins = Dictionary(zip(graph.inputs, inputs)) { $0.union($1) }
        for node in graph.nodes {
            let read = node.inputs.map { $0.flatMap { origins[$0] } ?? [] }
            let hasParameters = (try? graph.parameterSpecs(of: node).isEmpty) == false
            let outputs = pass(read, through: graph.layer(of: node).operation, hasParameters: hasParameters)
            for (value, origin) in zip(node.outputs, outputs) { origins[value] = origin }
        }
        return graph.outputs.map { origins[$0] ?? [] }
    }

    private mutating func pass(
        _ read: [Origins], through operation: any Operator, hasParameters: Bool
    ) -> [Origins] {
        let everything = read.reduce(Origins()) { $0.union($1) }
        switch operation {
        case let submodel as Submodel:
            return follow(submodel.graph, read)
        case let distributed as TimeDistributed:
            return pass(read, through: distributed.layer, hasParameters: hasParameters)
        case let embedding as Embedding:
            for input in everything { add(InputTraits(vocabulary: embedding.vocabulary), to: input) }
        case let masking as Masking:
            for input in everything { add(InputTraits(padding: masking.value), to: input) }
        default:
            break
        }
        return hasParameters ? [] : [everything]
    }

    private mutating func add(_ trait: InputTraits, to input: Int) { traits[input] = traits[input].merged(with: trait) }
}
