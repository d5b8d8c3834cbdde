import FerryEngine

/// A constant factor of a factor is a factor of the product.
///
///     x · (y · c)  is  (x · y) · c
enum SinkFactors: Pass {
    static let summary = "let constant factors come last"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard isProduct(node), draft.type(of: node.outputs[0]).dtype == .float32,
            !node.inputs.contains(where: { draft.constant($0) != nil })
        else { return false }
        for (x, factor) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
            guard let x, let factor, let (inner, _) = draft.exclusive(factor, Arithmetic.self),
                isProduct(draft.nodes[inner])
            else { continue }
            let factors = draft.nodes[inner].inputs
            guard let place = factors.firstIndex(where: { draft.constant($0) != nil }),
                draft.constant(factors[1 - place]) == nil
            else { continue }
            let product = try draft.makeNode(
                draft.nodes[inner].layer.name, Arithmetic(.multiply), [x, factors[1 - place]])
            let scaled = try draft.makeNode(
                node.layer.name, Arithmetic(.multiply), [product.outputs[0], factors[place]],
                outputs: [node.outputs[0]])
            draft.replace([inner, index], with: [product, scaled])
            return true
        }
        return false
    }

    private static func isProduct(_ node: GraphDraft.Node) -> Bool {
        (node.layer.operation as? Arithmetic)?.function == .multiply && node.inputs.count == 2
    }
}
