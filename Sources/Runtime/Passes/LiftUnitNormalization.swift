import FerryEngine

/// A value times the reciprocal of its length along some axes, which is held away from zero, is brought to length one.
///
///     x / √max(Σx², ε)  or  x · min(1 / √Σx², 1 / √ε)
enum LiftUnitNormalization: Pass {
    static let summary = "recognise values that are divided by their length as UnitNormalization"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard (node.layer.operation as? Arithmetic)?.function == .multiply, node.inputs.count == 2 else { return false }
        for (x, factor) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
            guard let x, draft.type(of: x).dtype == .float32, let axes = axes(ofLengthOf: x, factor, draft) else {
                continue
            }
            let rank = draft.type(of: x).rank
            let normalization = UnitNormalization(axes: axes.map { $0 == rank - 1 ? -1 : $0 })
            draft.replace(
                [index], with: [try draft.makeNode(node.layer.name, normalization, [x], outputs: [node.outputs[0]])])
            return true
        }
        return false
    }

    /// The axes where a factor is the reciprocal of the length of `x` along them.
    private static func axes(ofLengthOf x: Graph.ValueID, _ factor: Graph.ValueID?, _ draft: GraphDraft) -> [Int]? {
        let limited = bounded(factor, .minimum, by: 0.99e6...1.01e7, draft)
        guard let root = argument(limited ?? factor, .reciprocal, draft),
            let square = argument(root, .squareRoot, draft)
        else { return nil }
        let floored = bounded(square, .maximum, by: 0.99e-14...1.01e-12, draft)
        guard limited != nil || floored != nil,
            let (index, sum) = draft.producer(of: floored ?? square, Reduction.self), sum.keepsAxes,
            let axes = sum.axes?.values, !axes.isEmpty, let squares = draft.nodes[index].inputs[0]
        else { return nil }
        let isSum =
            sum.function == .sumOfSquares ? squares == x : sum.function == .sum && isSquare(squares, of: x, draft)
        return isSum ? try? checkedAxes(axes, rank: draft.type(of: x).rank) : nil
    }

    private static func isSquare(_ value: Graph.ValueID, of x: Graph.ValueID, _ draft: GraphDraft) -> Bool {
        guard let (index, product) = draft.producer(of: value, Arithmetic.self), product.function == .multiply else {
            return false
        }
        return draft.nodes[index].inputs == [x, x]
    }

    private static func argument(
        _ value: Graph.ValueID?, _ function: Elementwise.Function, _ draft: GraphDraft
    ) -> Graph.ValueID? {
        guard let (index, elementwise) = draft.producer(of: value, Elementwise.self), elementwise.function == function
        else { return nil }
        return draft.nodes[index].inputs[0]
    }

    /// What is held below or above one number.
    private static func bounded(
        _ value: Graph.ValueID?, _ function: Arithmetic.Function, by range: ClosedRange<Float>, _ draft: GraphDraft
    ) -> Graph.ValueID? {
        guard let (index, bound) = draft.producer(of: value, Arithmetic.self), bound.function == function else {
            return nil
        }
        let inputs = draft.nodes[index].inputs
        for (x, number) in [(inputs[0], inputs[1]), (inputs[1], inputs[0])] {
            guard let known = draft.constant(number), known.dtype == .float32, known.count == 1,
                range.contains(known.floats[0])
            else { continue }
            return x
        }
        return nil
    }
}
