import FerryEngine
import FerryRuntime

extension Graph {
    /// What a mask is made of: values that are compared with a number.
    fileprivate struct MaskOrigin: Hashable {
        var value: ValueID
        var relation = Comparison.Relation.notEqual
        /// nil for a value that is a mask by itself, or compared with another value.
        var number: Float?
    }

    /// Whether a mask that a call was given is the one that its first input carries.
    ///
    /// Keras 3 writes the masks that it passes on by itself as if a user had given them, with the operations that compute
    /// them. They are its own where they are made of the same comparisons as the carried one; how merged masks are joined
    /// is then the layers' business.
    func isCarried(_ mask: ValueID, by input: ValueID) -> Bool {
        guard carriesMask(input) else { return false }
        return origins(ofComputed: mask) == origins(ofCarried: input)
    }

    private func origins(ofComputed value: ValueID) -> Set<MaskOrigin> {
        guard constants[value] == nil else { return [] }
        guard type(of: value).dtype == .bool, let node = producer(of: value) else { return [MaskOrigin(value: value)] }
        let operation = layer(of: node).operation
        let inputs = node.inputs.compactMap { $0 }
        if let comparison = operation as? Comparison {
            guard let number = constants[inputs[1]].flatMap({ $0.count == 1 ? $0.floats[0] : nil })
            else { return [MaskOrigin(value: value)] }
            return [MaskOrigin(value: source(of: inputs[0]), relation: comparison.relation, number: number)]
        }
        // The shape of another tensor, filled with false.
        if operation is Fill { return [] }
        return inputs.reduce(into: []) { $0.formUnion(origins(ofComputed: $1)) }
    }

    private func origins(ofCarried value: ValueID) -> Set<MaskOrigin> {
        guard let node = producer(of: value) else { return [] }
        if let own = node.mask.value { return origins(ofComputed: own) }
        let inputs = node.inputs.compactMap { $0 }
        switch layer(of: node).operation {
        case is Embedding: return [MaskOrigin(value: source(of: inputs[0]), number: 0)]
        case let masking as Masking: return [MaskOrigin(value: source(of: inputs[0]), number: masking.value)]
        case is Submodel: return [MaskOrigin(value: value)]
        default: return inputs.filter(carriesMask).reduce(into: []) { $0.formUnion(origins(ofCarried: $1)) }
        }
    }

    /// The value before casts.
    private func source(of value: ValueID) -> ValueID {
        guard let node = producer(of: value), layer(of: node).operation is Cast, let input = node.inputs[0] else {
            return value
        }
        return source(of: input)
    }

    private func producer(of value: ValueID) -> Node? { nodes.first { $0.outputs.contains(value) } }
}
