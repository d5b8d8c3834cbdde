import FerryEngine
import FerryRuntime

/// What the masks of a graph are made of, as far as it is built.
///
/// Keras 3 writes the masks that it passes on by itself as if a user had given them, with the operations that compute
/// them. They are its own where they are made of the same comparisons, joined in the same way, as the mask that the
/// input carries. A mask made in any other way is a user's, and is computed as it is written.
struct KerasMaskOrigins {
    /// A value that is compared with a number.
    private struct Origin: Hashable {
        let value: Graph.ValueID
        var relation = Comparison.Relation.notEqual
        /// nil for a value that is a mask by itself.
        var number: Float?
    }

    /// What a mask is made of.
    private struct Mask: Hashable {
        var origins: Set<Origin>
        /// How several are joined; nil while they only lie side by side.
        var join: MaskMerge?

        init(_ origin: Origin) { origins = [origin] }

        /// Masks side by side.
        init(_ masks: [Mask]) {
            origins = masks.reduce(into: []) { $0.formUnion($1.origins) }
            let joins = Set(masks.compactMap(\.join))
            join = joins.count == 1 ? joins.first : nil
        }

        /// Whether these are joined already, in another way than `rule`.
        func contradicts(_ rule: MaskMerge) -> Bool { join != nil && join != rule }
    }

    /// More comparisons than a mask of Keras's own is made of; such a mask counts as given.
    private static let most = 64

    private var computed: [Graph.ValueID: Mask] = [:]
    private var carried: [Graph.ValueID: Mask] = [:]
    /// The values before casts.
    private var sources: [Graph.ValueID: Graph.ValueID] = [:]
    private var nodeCount = 0

    /// Whether a mask that a call of `graph` is given is the one that its first input carries.
    mutating func isCarried(_ mask: Graph.ValueID, by input: Graph.ValueID, in graph: Graph) -> Bool {
        guard graph.carriesMask(input) else { return false }
        for node in graph.nodes[nodeCount...] { add(node, of: graph) }
        nodeCount = graph.nodes.count
        return self.mask(mask) == carried[input]
    }

    private mutating func add(_ node: Graph.Node, of graph: Graph) {
        guard let output = node.outputs.first else { return }
        let operation = graph.layer(of: node).operation
        let inputs = node.inputs.compactMap { $0 }
        if operation is Cast { sources[output] = source(of: inputs[0]) }
        if graph.type(of: output).dtype == .bool || inputs.contains(where: { computed[$0] != nil }) {
            computed[output] = bounded(computedMask(operation, inputs, in: graph), output)
        }
        guard graph.carriesMask(output) else { return }
        carried[output] = bounded(carriedMask(operation, inputs, node, in: graph), output)
    }

    /// What an operation makes of the masks that it takes; nil where that is no mask of Keras's own.
    private func computedMask(_ operation: any Operator, _ inputs: [Graph.ValueID], in graph: Graph) -> Mask? {
        switch operation {
        case let comparison as Comparison:
            guard let tensor = graph.constants[inputs[1]], tensor.count == 1 else { return nil }
            return Mask(
                Origin(value: source(of: inputs[0]), relation: comparison.relation, number: tensor.floats[0]))
        case let logic as Logic:
            // Keras stretches masks over the features by "or" with zeros.
            let masks = inputs.filter { !isFalse($0) }.map(mask)
            switch logic.function {
            case .or: return joined(masks, by: .any)
            case .and: return masks.count == inputs.count ? joined(masks, by: .all) : nil
            case .exclusiveOr, .not: return nil
            }
        case is Cast, is Squeeze, is Unsqueeze, is Expand: return mask(inputs[0])
        case is Concatenate: return Mask(inputs.filter { !isFalse($0) }.map(mask))
        case let reduction as Reduction:
            let mask = mask(inputs[0])
            switch reduction.function {
            case .maximum: return joined([mask], by: .any)
            // All features of one input other than a number: not what Masking compares.
            case .minimum: return mask.origins.count > 1 ? joined([mask], by: .all) : nil
            default: return nil
            }
        case let fill as FillLike where fill.isFalse: return Mask([])
        default: return nil
        }
    }

    /// The mask that the output of a call carries; nil for one that nothing else can equal.
    private func carriedMask(
        _ operation: any Operator, _ inputs: [Graph.ValueID], _ node: Graph.Node, in graph: Graph
    ) -> Mask? {
        if let given = node.mask.value { return mask(given) }
        func carriedByInputs(joined rule: MaskMerge) -> Mask? { joined(inputs.compactMap { carried[$0] }, by: rule) }
        switch operation {
        case is Embedding: return Mask(Origin(value: source(of: inputs[0]), number: 0))
        case let masking as Masking: return Mask(Origin(value: source(of: inputs[0]), number: masking.value))
        case is Submodel: return nil
        case let merge as Merge: return carriedByInputs(joined: merge.maskMerge)
        case let concatenate as Concatenate:
            return concatenate.axis == 1 ? nil : carriedByInputs(joined: concatenate.maskMerge)
        default: return Mask(inputs.compactMap { carried[$0] })
        }
    }

    private func joined(_ masks: [Mask], by rule: MaskMerge) -> Mask? {
        guard !masks.contains(where: { $0.contradicts(rule) }) else { return nil }
        var result = Mask(masks)
        result.join = result.origins.count > 1 ? rule : nil
        return result
    }

    private func mask(_ value: Graph.ValueID) -> Mask { computed[value] ?? Mask(Origin(value: value)) }

    private func isFalse(_ value: Graph.ValueID) -> Bool { computed[value]?.origins.isEmpty == true }

    private func source(of value: Graph.ValueID) -> Graph.ValueID { sources[value] ?? value }

    private func bounded(_ mask: Mask?, _ value: Graph.ValueID) -> Mask {
        guard let mask, mask.origins.count <= Self.most else { return Mask(Origin(value: value)) }
        return mask
    }
}

extension FillLike {
    fileprivate var isFalse: Bool { value.cast(to: .float32).floats == [0] }
}
