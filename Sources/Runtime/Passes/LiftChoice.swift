import FerryEngine

/// A sum of two values, one times a mask and the other times its opposite, is a choice between them.
///
///     a · float(m) + b · float(not m)
enum LiftChoice: Pass {
    static let summary = "recognise sums of masked values as choices"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        if node.layer.operation is Choice { return try uninverted(node, index, in: &draft) }
        guard (node.layer.operation as? Arithmetic)?.function == .add, let first = node.inputs[0],
            let second = node.inputs[1]
        else { return false }
        for (a, mask) in factors(first, draft) {
            for (b, opposite) in factors(second, draft) {
                let pair: [Graph.ValueID]
                if negated(opposite, draft).contains(where: { spread($0, draft) == spread(mask, draft) }) {
                    pair = [mask, a, b]
                } else if negated(mask, draft).contains(where: { spread($0, draft) == spread(opposite, draft) }) {
                    pair = [opposite, b, a]
                } else {
                    continue
                }
                let new = try draft.makeNode(node.layer.name, Choice(), pair, outputs: [node.outputs[0]])
                draft.replace([index], with: [new])
                return true
            }
        }
        return false
    }

    /// A value and the condition that it is multiplied with.
    private static func factors(
        _ value: Graph.ValueID, _ draft: GraphDraft
    ) -> [(value: Graph.ValueID, condition: Graph.ValueID)] {
        guard let (index, product) = draft.producer(of: value, Arithmetic.self), product.function == .multiply else {
            return []
        }
        let inputs = draft.nodes[index].inputs
        return [(inputs[0], inputs[1]), (inputs[1], inputs[0])].compactMap { value, factor in
            guard let value, let (cast, _) = draft.producer(of: factor, Cast.self),
                let condition = draft.nodes[cast].inputs[0], draft.type(of: condition).dtype == .bool
            else { return nil }
            return (value, condition)
        }
    }

    /// What a condition is the opposite of.
    private static func negated(_ condition: Graph.ValueID, _ draft: GraphDraft) -> [Graph.ValueID] {
        guard let (index, logic) = draft.producer(of: spread(condition, draft), Logic.self), logic.function == .not,
            let x = draft.nodes[index].inputs[0]
        else { return [] }
        return [x]
    }

    /// A condition before it was spread over features, which a choice does by itself.
    static func spread(_ condition: Graph.ValueID, _ draft: GraphDraft) -> Graph.ValueID {
        guard let index = draft.producer(of: condition),
            draft.nodes[index].layer.operation is Tile || draft.nodes[index].layer.operation is Expand,
            let x = draft.nodes[index].inputs[0], draft.type(of: x).rank == draft.type(of: condition).rank,
            draft.type(of: x).shape.last == .fixed(1)
        else { return condition }
        return x
    }

    /// A choice by the opposite of a condition chooses the other way around.
    private static func uninverted(
        _ node: GraphDraft.Node, _ index: Int, in draft: inout GraphDraft
    ) throws -> Bool {
        guard let (not, logic) = draft.producer(of: node.inputs[0], Logic.self), logic.function == .not else {
            return false
        }
        let inputs = [draft.nodes[not].inputs[0], node.inputs[2], node.inputs[1]]
        draft.replace(
            [index], with: [try draft.makeNode(node.layer.name, Choice(), inputs, outputs: [node.outputs[0]])])
        return true
    }
}
