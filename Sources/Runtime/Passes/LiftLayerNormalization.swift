import FerryEngine

/// A value without its mean, over the root of its variance, is a LayerNormalization.
///
///     (x − m) / √(v + ε), or as Keras 3 writes it x·s + (β − m·s) with s = γ / √(v + ε)
enum LiftLayerNormalization: Pass {
    static let summary = "recognise values without mean and with unit variance as LayerNormalization"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        let formula = NormalizationFormula(draft: draft)
        guard var found = formula.standardized(node) ?? formula.scaledAndShifted(node), !found.axes.contains(0) else {
            return try overRows(index, in: &draft)
        }
        let rank = draft.type(of: found.x).rank
        guard draft.type(of: found.x) == draft.type(of: node.outputs[0]),
            let lengths = found.axes.map({ draft.type(of: found.x).shape[$0] }).lengths
        else { return false }
        let axes = found.axes.map { $0 - rank }
        let new = try layer(&found, axes: axes, lengths: lengths, node, in: &draft)
        guard let new else { return false }
        draft.replace([index], with: [new])
        return true
    }

    private static func layer(
        _ found: inout NormalizationFormula.Match, axes: [Int], lengths: [Int], _ node: GraphDraft.Node,
        in draft: inout GraphDraft
    ) throws -> GraphDraft.Node? {
        var layer = LayerNormalization(axes: axes, epsilon: found.epsilon)
        layer.scale = found.gamma != nil
        layer.center = found.beta != nil
        var parameters = ParameterSet()
        for (name, tensor) in [("gamma", found.gamma), ("beta", found.beta)] {
            guard let tensor else { continue }
            guard tensor.count == lengths.product else { return nil }
            parameters[name] = tensor.reshaped(lengths)
        }
        return try draft.makeNode(node.layer.name, layer, [found.x], outputs: [node.outputs[0]], parameters: parameters)
    }

    /// Rows [1, rows, features, 1] of a value, standardised by moments along all axes but that of the rows, and put
    /// back: TensorFlow borrows its batch normalisation so.
    private static func overRows(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard node.layer.operation is TensorReshape, let y = node.inputs[0], draft.type(of: y).rank == 4 else {
            return false
        }
        let formula = NormalizationFormula(draft: draft)
        var value = y
        // Neutral factors and terms of as many rows stand between.
        while let inner = draft.producer(of: value), let arithmetic = draft.nodes[inner].layer.operation as? Arithmetic,
            let x = draft.nodes[inner].inputs[0], let other = draft.nodes[inner].inputs.last ?? nil,
            arithmetic.function == .multiply && draft.isFilled(other, with: 1)
                || arithmetic.function == .add && draft.isZero(other)
        {
            value = x
        }
        guard let producer = draft.producer(of: value),
            let found = formula.standardized(draft.nodes[producer]), found.axes == [0, 2, 3],
            let (first, _) = draft.producer(of: found.x, TensorReshape.self), let x = draft.nodes[first].inputs[0],
            let features = draft.type(of: x).shape.last, features.length != nil,
            draft.type(of: found.x).shape[0] == .fixed(1), draft.type(of: found.x).shape[2] == features,
            draft.type(of: found.x).shape[3] == .fixed(1), draft.restores(node, shapeOf: x)
        else { return false }
        var layer = LayerNormalization(epsilon: found.epsilon)
        (layer.scale, layer.center) = (false, false)
        let new = try draft.makeNode(node.layer.name, layer, [x], outputs: [node.outputs[0]])
        draft.replace([index], with: [new])
        return true
    }
}

/// The formulas by which files write a normalisation of each sample.
struct NormalizationFormula {
    struct Match {
        var x: Graph.ValueID
        var axes: [Int]
        var epsilon: Float
        var gamma: Tensor?
        var beta: Tensor?
    }

    let draft: GraphDraft

    /// (x − m) / √(v + ε)
    func standardized(_ node: GraphDraft.Node) -> Match? {
        guard let arithmetic = node.layer.operation as? Arithmetic, node.inputs.count == 2 else { return nil }
        for (a, b) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
            guard let (x, axes) = centered(a) else { continue }
            let epsilon =
                arithmetic.function == .multiply
                ? inverseDeviation(b, of: x, axes)
                : arithmetic.function == .divide && a == node.inputs[0] ? deviation(b, of: x, axes) : nil
            if let epsilon { return Match(x: x, axes: axes, epsilon: epsilon) }
        }
        return nil
    }

    /// x·s + (β − m·s)
    func scaledAndShifted(_ node: GraphDraft.Node) -> Match? {
        for (product, shift) in operands(node, .add) {
            for (x, scale) in operands(product, .multiply) {
                guard let x, draft.constant(x) == nil else { continue }
                var (beta, negative): (Tensor?, Graph.ValueID?) = (nil, shift)
                for (part, constant) in operands(shift, .add) {
                    if let known = draft.constant(constant) { (beta, negative) = (known, part) }
                }
                var isSubtracted = false
                for (known, part) in operands(shift, .subtract).prefix(1) where draft.constant(known) != nil {
                    (beta, negative, isSubtracted) = (draft.constant(known), part, true)
                }
                for (mean, factor) in operands(negative, .multiply) where factor == scale {
                    let value = isSubtracted ? mean : negated(mean)
                    guard let axes = meanAxes(value, of: x) else { continue }
                    if let epsilon = inverseDeviation(scale, of: x, axes) {
                        return Match(x: x, axes: axes, epsilon: epsilon, beta: beta)
                    }
                    for (inverse, constant) in operands(scale, .multiply) {
                        if let gamma = draft.constant(constant), let epsilon = inverseDeviation(inverse, of: x, axes) {
                            return Match(x: x, axes: axes, epsilon: epsilon, gamma: gamma, beta: beta)
                        }
                    }
                }
            }
        }
        return nil
    }

    /// The operands of a function, in both orders.
    private func operands(_ value: Graph.ValueID?, _ function: Arithmetic.Function) -> [(
        Graph.ValueID?, Graph.ValueID?
    )] {
        draft.producer(of: value).map { operands(draft.nodes[$0], function) } ?? []
    }

    private func operands(_ node: GraphDraft.Node, _ function: Arithmetic.Function) -> [(
        Graph.ValueID?, Graph.ValueID?
    )] {
        guard (node.layer.operation as? Arithmetic)?.function == function, node.inputs.count == 2 else { return [] }
        return [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])]
    }

    private func negated(_ value: Graph.ValueID?) -> Graph.ValueID? {
        guard let (index, elementwise) = draft.producer(of: value, Elementwise.self), elementwise.function == .negate
        else { return nil }
        return draft.nodes[index].inputs[0]
    }

    /// x and the axes where a value is x without its mean.
    private func centered(_ value: Graph.ValueID?) -> (Graph.ValueID, [Int])? {
        guard let (x, mean) = operands(value, .subtract).first, let x, let axes = meanAxes(mean, of: x) else {
            return nil
        }
        return (x, axes)
    }

    /// The axes along which a value is the mean of x; these stay with length one.
    private func meanAxes(_ value: Graph.ValueID?, of x: Graph.ValueID) -> [Int]? {
        guard let (index, axes) = reduction(value, .mean), draft.nodes[index].inputs[0] == x else { return nil }
        return axes
    }

    /// A reduction whose axes stay, or are dropped and added again.
    private func reduction(_ value: Graph.ValueID?, _ function: Reduction.Function) -> (index: Int, axes: [Int])? {
        guard let index = draft.producer(of: value) else { return nil }
        if let reduction = draft.nodes[index].layer.operation as? Reduction {
            guard reduction.function == function, let x = draft.nodes[index].inputs[0],
                let axes = reduction.axes?.values,
                let resolved = try? checkedAxes(axes, rank: draft.type(of: x).rank)
            else { return nil }
            return (index, resolved)
        }
        guard AxisMove(draft.nodes[index], draft) != nil else { return nil }
        return reduction(draft.nodes[index].inputs[0], function)
    }

    /// ε where a value is √(v + ε).
    private func deviation(_ value: Graph.ValueID?, of x: Graph.ValueID, _ axes: [Int]) -> Float? {
        let value = unmoved(value)
        guard let (index, root) = draft.producer(of: value, Elementwise.self), root.function == .squareRoot else {
            return nil
        }
        for (variance, constant) in operands(draft.nodes[index].inputs[0], .add) {
            guard let known = draft.constant(constant), known.count == 1, known.dtype == .float32,
                isVariance(variance, of: x, axes)
            else { continue }
            return known.floats[0]
        }
        return nil
    }

    /// ε where a value is 1 / √(v + ε).
    private func inverseDeviation(_ value: Graph.ValueID?, of x: Graph.ValueID, _ axes: [Int]) -> Float? {
        let value = unmoved(value)
        if let (index, reciprocal) = draft.producer(of: value, Elementwise.self), reciprocal.function == .reciprocal {
            return deviation(draft.nodes[index].inputs[0], of: x, axes)
        }
        guard let (one, root) = operands(value, .divide).first, draft.isFilled(one, with: 1) else { return nil }
        return deviation(root, of: x, axes)
    }

    private func unmoved(_ value: Graph.ValueID?) -> Graph.ValueID? {
        guard let index = draft.producer(of: value), AxisMove(draft.nodes[index], draft) != nil else { return value }
        return unmoved(draft.nodes[index].inputs[0])
    }

    private func isVariance(_ value: Graph.ValueID?, of x: Graph.ValueID, _ axes: [Int]) -> Bool {
        let value = unmoved(value)
        if let (index, found) = reduction(value, .mean), found == axes {
            return isSquare(draft.nodes[index].inputs[0], of: x, axes)
        }
        // The sum of the squares over their number.
        guard let (sum, count) = operands(value, .divide).first, let (index, found) = reduction(sum, .sumOfSquares),
            found == axes, let (inner, innerAxes) = centered(draft.nodes[index].inputs[0]), inner == x,
            innerAxes == axes
        else { return false }
        return isCount(count, of: x, axes)
    }

    private func isSquare(_ value: Graph.ValueID?, of x: Graph.ValueID, _ axes: [Int]) -> Bool {
        if let (a, b) = operands(value, .multiply).first {
            return a == b && centered(a).map { $0.0 == x && $0.1 == axes } ?? false
        }
        guard let (a, two) = operands(value, .power).first, draft.isFilled(two, with: 2) else { return false }
        return centered(a).map { $0.0 == x && $0.1 == axes } ?? false
    }

    /// Whether a number is how many elements x has along some axes.
    private func isCount(_ value: Graph.ValueID?, of x: Graph.ValueID, _ axes: [Int]) -> Bool {
        let lengths = axes.map { draft.type(of: x).shape[$0] }.lengths
        if let known = draft.constant(value)?.wholeNumbers { return known.count == 1 && lengths?.product == known[0] }
        guard let (cast, _) = draft.producer(of: value, Cast.self) else { return isProduct(value, of: x, axes) }
        return isProduct(draft.nodes[cast].inputs[0], of: x, axes)
    }

    private func isProduct(_ value: Graph.ValueID?, of x: Graph.ValueID, _ axes: [Int]) -> Bool {
        guard let (index, product) = draft.producer(of: value, Reduction.self), product.function == .product,
            let list = draft.nodes[index].inputs[0]
        else { return false }
        return draft.type(of: list).shape == [.fixed(axes.count)]
            && axes.indices.allSatisfy { draft.elementAxis(list, $0) == AxisOrigin(value: x, axis: axes[$0]) }
    }
}
