package import FerryEngine

/// Sums of products of the inputs' elements along axes that an equation names (Einstein's convention): in
/// `bij,bjk->bik` the axis j, which the output lacks, is summed along.
package struct Einsum: Operator, Hashable {
    package static let kind = "Einsum"
    /// The names of the axes of each input, and behind the arrow those of the output; `...` stands for any axes.
    package let equation: String

    /// - Throws: ``FerryError/Code/unsupported`` where the equation is none.
    package init(_ equation: String) throws {
        self.equation = equation.filter { $0 != " " }
        let terms = self.equation.split(separator: "->", omittingEmptySubsequences: false)
        let isLetters = self.equation.allSatisfy { $0.isLetter || ",.->".contains($0) }
        guard terms.count <= 2, isLetters else {
            throw FerryError(
                .unsupported, found: "the equation '\(equation)'", expected: "letters such as 'ij,jk->ik'")
        }
    }

    package var arity: ClosedRange<Int> {
        let count = equation.count { $0 == "," } + 1
        return count...count
    }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        try requireOneType(inputs.present)
        let plan = try plan(inputs.present.map(\.rank))
        var lengths: [String: Dimension] = [:]
        for (labels, type) in zip(plan.inputs, inputs.present) {
            for (label, length) in zip(labels, type.shape) {
                let known = lengths[label] ?? length
                guard known.isCompatible(with: length) else {
                    throw FerryError(
                        .shape, found: "inputs \(inputs.present.map(\.shape))", expected: "axes that fit '\(equation)'")
                }
                lengths[label] = known.length == nil ? length : known
            }
        }
        return [inputs[0].with(shape: plan.output.map { lengths[$0] ?? .unknown })]
    }

    /// Two inputs are multiplied along all axes that are named; more of them pair by pair, which is bounded by this.
    package func multiplications(_ inputs: Slots<ValueType>, _ outputs: [ValueType], parameterCount: Int) -> Int {
        guard let plan = try? plan(inputs.present.map(\.rank)) else { return 0 }
        var lengths: [String: Int] = [:]
        for (labels, type) in zip(plan.inputs, inputs.present) {
            for (label, length) in zip(labels, type.shape) { lengths[label] = length.length ?? 1 }
        }
        return lengths.values.reduce(1) { $0.times(max($1, 1)) }
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let tensors = inputs.present.map(\.tensor)
        let plan = try plan(tensors.map(\.rank))
        var result = try Labelled(tensors[0], plan.inputs[0]).diagonal()
        for i in tensors.indices.dropFirst() {
            let needed = Set(plan.inputs[(i + 1)...].joined()).union(plan.output)
            result = try result.contracted(with: Labelled(tensors[i], plan.inputs[i]).diagonal(), keeping: needed)
        }
        result = try result.summed(keeping: Set(plan.output))
        return [Signal(result.ordered(plan.output))]
    }

    /// The names of all axes for inputs of the given ranks; those that `...` stands for are counted from the last.
    private func plan(_ ranks: [Int]) throws -> (inputs: [[String]], output: [String]) {
        let sides = equation.split(separator: "->", omittingEmptySubsequences: false)
        let terms = sides[0].split(separator: ",", omittingEmptySubsequences: false)
        guard terms.count == ranks.count else {
            throw FerryError(.shape, found: "\(ranks.count) inputs", expected: "\(terms.count)")
        }
        let hidden = zip(terms, ranks).map { term, rank in term.contains(".") ? rank - term.count(where: \.isLetter) : 0
        }
        let inputs = zip(terms, hidden).map { labels($0, hidden: $1) }
        guard zip(inputs, ranks).allSatisfy({ $0.count == $1 }) else {
            throw FerryError(.shape, found: "inputs of \(ranks) axes", expected: "as many as '\(equation)' names")
        }
        guard sides.count == 1 else { return (inputs, labels(sides[1], hidden: hidden.max() ?? 0)) }
        // Without an arrow the axes that stand in one input only come out, in alphabetical order.
        let all = inputs.joined()
        return (inputs, Set(all).filter { label in all.count { $0 == label } == 1 }.sorted())
    }

    private func labels(_ term: Substring, hidden: Int) -> [String] {
        let ellipsis = (0..<max(hidden, 0)).map { ".\(hidden - $0)" }
        let parts = term.split(separator: ".", omittingEmptySubsequences: true)
        guard term.contains(".") else { return term.map { String($0) } }
        let leading = term.hasPrefix(".") ? [] : parts.first.map { $0.map { String($0) } } ?? []
        let trailing = term.hasSuffix(".") ? [] : parts.last.map { $0.map { String($0) } } ?? []
        return leading + ellipsis + trailing
    }
}

/// A tensor whose axes have names.
private struct Labelled {
    let tensor: Tensor
    let labels: [String]

    init(_ tensor: Tensor, _ labels: [String]) {
        self.tensor = tensor
        self.labels = labels
    }

    /// The elements whose places along all axes of one name are equal; each name then has one axis.
    func diagonal() throws -> Labelled {
        var names: [String] = []
        for label in labels where !names.contains(label) { names.append(label) }
        guard names.count < labels.count else { return self }
        let strides = tensor.shape.rowMajorStrides
        let axes = names.map { name in labels.indices.filter { labels[$0] == name } }
        guard axes.allSatisfy({ axes in axes.allSatisfy { tensor.shape[$0] == tensor.shape[axes[0]] } }) else {
            throw FerryError(.shape, found: "input \(tensor.shape)", expected: "axes of one name to be equally long")
        }
        let diagonal = tensor.gathered(
            shape: axes.map { tensor.shape[$0[0]] }, strides: axes.map { $0.reduce(0) { $0 + strides[$1] } }, offset: 0)
        return Labelled(diagonal, names)
    }

    /// The tensor with its axes in the given order.
    func ordered(_ order: [String]) -> Tensor { tensor.transposed(order.compactMap { labels.firstIndex(of: $0) }) }

    /// The lengths of the named axes.
    func lengths(_ names: [String]) -> [Int] { names.compactMap { labels.firstIndex(of: $0).map { tensor.shape[$0] } } }

    /// The tensor without the axes that nobody needs.
    func summed(keeping needed: Set<String>) throws -> Labelled {
        let axes = labels.indices.filter { !needed.contains(labels[$0]) }
        guard !axes.isEmpty else { return self }
        var plain = LayerState()
        let sum = Reduction(.sum, axes: .known(axes), keepsAxes: false)
        return Labelled(
            try sum.evaluate(Slots([Signal(tensor)]), ParameterSet(), &plain)[0].tensor, labels.filter(needed.contains))
    }

    /// The products of both, summed along the common axes that nobody needs any more.
    func contracted(with other: Labelled, keeping needed: Set<String>) throws -> Labelled {
        let a = try summed(keeping: needed.union(other.labels))
        let b = try other.summed(keeping: needed.union(labels))
        let common = a.labels.filter(b.labels.contains)
        let (batch, inner) = (common.filter(needed.contains), common.filter { !needed.contains($0) })
        let (rows, columns) = (a.labels.filter { !common.contains($0) }, b.labels.filter { !common.contains($0) })
        let left = a.ordered(batch + rows + inner)
            .reshaped([a.lengths(batch).product, a.lengths(rows).product, a.lengths(inner).product])
        let right = b.ordered(batch + inner + columns)
            .reshaped([b.lengths(batch).product, b.lengths(inner).product, b.lengths(columns).product])
        _ = try checkedShape(a.lengths(batch) + a.lengths(rows) + b.lengths(columns))
        var plain = LayerState()
        let product = try MatMul().evaluate(Slots([Signal(left), Signal(right)]), ParameterSet(), &plain)[0].tensor
        return Labelled(
            product.reshaped(a.lengths(batch) + a.lengths(rows) + b.lengths(columns)), batch + rows + columns)
    }
}

/// The sum of products that `equation` names; see ``Einsum``.
func einsum(_ equation: String, _ tensors: Tensor...) throws -> Tensor {
    var plain = LayerState()
    return try Einsum(equation).evaluate(Slots(tensors.map { Signal($0) }), ParameterSet(), &plain)[0].tensor
}
