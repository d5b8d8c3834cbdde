import FerryEngine

/// Where each axis of a result comes from: an axis of the input, or nothing where it is new and of length one.
struct AxisMove: Equatable {
    /// For each axis of the output, the axis of the input; nil where it is new.
    var sources: [Int?]
    /// The number of axes of the input.
    var rank: Int

    /// The move that a node makes; nil where it does something else.
    init?(_ node: GraphDraft.Node, _ draft: GraphDraft) {
        guard let x = node.inputs.first ?? nil, let y = node.outputs.first else { return nil }
        let (input, output) = (draft.type(of: x), draft.type(of: y))
        rank = input.rank
        switch node.layer.operation {
        case let transpose as Transpose: sources = transpose.resolved(rank: rank)
        case let squeeze as Squeeze:
            guard let axes = squeeze.axes?.values, let gone = try? checkedAxes(axes, rank: rank) else { return nil }
            sources = (0..<rank).filter { !gone.contains($0) }
        case let unsqueeze as Unsqueeze:
            guard let axes = unsqueeze.axes.values, let new = try? checkedAxes(axes, rank: output.rank) else {
                return nil
            }
            var kept = 0
            sources = (0..<output.rank).map { axis in
                if new.contains(axis) { return nil }
                kept += 1
                return kept - 1
            }
        case is TensorReshape:
            guard let sources = Self.reshaped(input.shape, output.shape) else { return nil }
            self.sources = sources
        default: return nil
        }
    }

    /// A Reshape that only adds and drops axes of length one, all others being of different lengths or in place.
    private static func reshaped(_ input: [Dimension], _ output: [Dimension]) -> [Int?]? {
        let real = input.indices.filter { input[$0] != .fixed(1) }
        let kept = output.indices.filter { output[$0] != .fixed(1) }
        // One length that is not known must be the same on both sides where all others are.
        let open = zip(real, kept).filter { input[$0] != output[$1] || input[$0] == .unknown }
        guard real.count == kept.count, real.count < max(input.count, output.count), open.count <= 1,
            open.allSatisfy({ input[$0].length == nil && output[$1].length == nil })
        else { return nil }
        var places = real.makeIterator()
        return output.map { $0 == .fixed(1) ? nil : places.next() }
    }

    /// This move and then another.
    func followed(by next: AxisMove) -> AxisMove {
        var joined = self
        joined.sources = next.sources.map { $0.flatMap { sources[$0] } }
        return joined
    }

    var isIdentity: Bool { sources == (0..<rank).map(Optional.some) }

    /// The move as at most three steps: drop axes, reorder, add axes.
    var steps: [any Operator] {
        let kept = sources.compactMap { $0 }
        let dropped = (0..<rank).filter { !kept.contains($0) }
        let order = kept.sorted()
        let permutation = kept.compactMap { order.firstIndex(of: $0) }
        let added = sources.indices.filter { sources[$0] == nil }
        var steps: [any Operator] = []
        if !dropped.isEmpty { steps.append(Squeeze(dropped)) }
        if permutation != Array(permutation.indices) { steps.append(Transpose(permutation)) }
        if !added.isEmpty { steps.append(Unsqueeze(added)) }
        return steps
    }

    /// The place of a step among the three.
    static func rank(of operation: any Operator) -> Int {
        operation is Squeeze ? 0 : operation is Transpose ? 1 : operation is Unsqueeze ? 2 : 3
    }
}

/// Two moves of axes one after another are one; dropped axes go first, reordering next, added axes come last.
enum SimplifyMoves: Pass {
    static let summary = "join moves of axes, drop those that undo each other"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let outer = AxisMove(node, draft), let x = node.inputs[0] else { return false }
        if outer.isIdentity {
            draft.redirect(node.outputs[0], to: x)
            return true
        }
        if node.layer.operation is TensorReshape {
            return try replace(node, index, by: outer.steps, of: x, in: &draft)
        }
        guard let first = draft.producer(of: x), let inner = AxisMove(draft.nodes[first], draft),
            let source = draft.nodes[first].inputs[0]
        else { return false }
        let joined = inner.followed(by: outer)
        if joined.isIdentity {
            draft.redirect(node.outputs[0], to: source)
            return true
        }
        let steps = joined.steps
        let isOrdered = AxisMove.rank(of: draft.nodes[first].layer.operation) < AxisMove.rank(of: node.layer.operation)
        guard steps.count < 2 || steps.count == 2 && !isOrdered else { return false }
        return try replace(node, index, by: steps, of: source, in: &draft)
    }

    private static func replace(
        _ node: GraphDraft.Node, _ index: Int, by steps: [any Operator], of source: Graph.ValueID,
        in draft: inout GraphDraft
    ) throws -> Bool {
        var nodes: [GraphDraft.Node] = []
        var value = source
        for step in steps {
            let isLast = nodes.count == steps.count - 1
            let made = try draft.makeNode(
                node.layer.name, step, [value], outputs: isLast ? [node.outputs[0]] : [])
            value = made.outputs[0]
            nodes.append(made)
        }
        draft.replace([index], with: nodes)
        return true
    }
}

/// A function of each number may as well come before the axes are moved; then moves meet each other.
enum SinkMoves: Pass {
    static let summary = "compute functions of single numbers before axes are moved"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard draft.type(of: node.outputs[0]).dtype == .float32, let inputs = sunk(node, &draft) else { return false }
        let inner = try draft.makeNode(
            node.layer.name, inputs.operation, inputs.values, parameters: node.parameters)
        let outer = try draft.makeNode(
            draft.nodes[inputs.mover].layer.name, draft.nodes[inputs.mover].layer.operation, [inner.outputs[0]],
            outputs: [node.outputs[0]])
        draft.replace([index], with: [inner, outer])
        return true
    }

    /// The inputs before the move that all of them make; constants are moved the other way.
    private static func sunk(
        _ node: GraphDraft.Node, _ draft: inout GraphDraft
    ) -> (values: [Graph.ValueID?], mover: Int, operation: any Operator)? {
        let isFunction = (node.layer.operation as? Activation).map { $0.function.axis == nil } ?? false
        let joins = node.layer.operation is Concatenate
        let isForRows = node.layer.operation is Dense || (node.layer.operation as? LayerNormalization)?.axes == [-1]
        guard
            isFunction || joins || isForRows || node.layer.operation is Arithmetic
                || node.layer.operation is Elementwise
        else { return nil }
        var mover: (index: Int, move: AxisMove)?
        let rank = draft.type(of: node.outputs[0]).rank
        for case let input? in node.inputs where draft.constant(input) == nil {
            guard let first = draft.producer(of: input), let move = AxisMove(draft.nodes[first], draft),
                !(draft.nodes[first].layer.operation is TensorReshape), draft.type(of: input).rank == rank,
                mover == nil || mover?.move == move, !draft.isOutput(input)
            else { return nil }
            // A transpose costs nothing where it stays for others, and stretched axes are moved like all.
            let isTranspose = draft.nodes[first].layer.operation is Transpose
            if isForRows, !isTranspose || move.sources.last != .some(rank - 1) || !draft.ownsLayer(node) { return nil }
            guard isTranspose || draft.readers(of: input).count == 1,
                isTranspose || joins || draft.type(of: input).shape == draft.type(of: node.outputs[0]).shape
            else { return nil }
            mover = (first, move)
        }
        guard let mover else { return nil }
        var operation = node.layer.operation
        if let concatenate = operation as? Concatenate {
            guard let axis = resolvedAxis(concatenate.axis, rank: rank).flatMap({ mover.move.sources[$0] }),
                !node.inputs.contains(where: { draft.constant($0) != nil })
            else { return nil }
            operation = Concatenate(axis: axis == mover.move.rank - 1 ? -1 : axis)
        }
        var values: [Graph.ValueID?] = []
        for case let input? in node.inputs {
            if let tensor = draft.constant(input) {
                guard let moved = moved(tensor, back: mover.move, rank: rank) else { return nil }
                values.append(draft.addConstant(draft.name(of: input), moved))
            } else {
                values.append(draft.producer(of: input).flatMap { draft.nodes[$0].inputs[0] })
            }
        }
        return (values, mover.index, operation)
    }

    /// A constant with the axes that it would have before the move.
    private static func moved(_ tensor: Tensor, back move: AxisMove, rank: Int) -> Tensor? {
        guard tensor.count > 1 else { return tensor.reshaped([]) }
        guard tensor.rank <= rank else { return nil }
        let full = tensor.reshaped([Int](repeating: 1, count: rank - tensor.rank) + tensor.shape)
        // Axes that the move adds must not carry anything here.
        guard move.sources.indices.allSatisfy({ move.sources[$0] != nil || full.shape[$0] == 1 }) else { return nil }
        let kept = move.sources.indices.filter { move.sources[$0] != nil }
        let places = (0..<move.rank).map { axis in kept.first { move.sources[$0] == axis } }
        let order = places.compactMap { place in place.flatMap { kept.firstIndex(of: $0) } }
        let turned = full.reshaped(kept.map { full.shape[$0] }).transposed(order)
        var lengths = turned.shape.makeIterator()
        return turned.reshaped(places.map { $0 == nil ? 1 : lengths.next() ?? 1 })
    }
}
