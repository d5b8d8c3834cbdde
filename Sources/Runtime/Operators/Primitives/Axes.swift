package import FerryEngine

/// Puts the axes in another order.
package struct Transpose: Operator, Hashable {
    package static let kind = "Transpose"
    /// Axis `i` of the output is axis `permutation[i]` of the input; nil turns the order around.
    package var permutation: [Int]?

    /// Puts the axes in the given order.
    package init(_ permutation: [Int]?) { self.permutation = permutation }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let permutation = resolved(rank: inputs[0].rank)
        guard permutation.sorted() == Array(0..<inputs[0].rank) else {
            throw FerryError(
                .shape, found: "input \(inputs[0].shape)", expected: "as many axes as \(permutation) names")
        }
        return [inputs[0].with(shape: permutation.map { inputs[0].shape[$0] })]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor
        return [Signal(x.transposed(resolved(rank: x.rank)))]
    }

    /// The order for an input of `rank` axes.
    package func resolved(rank: Int) -> [Int] { permutation ?? (0..<rank).reversed() }
}

/// Drops axes of length one.
package struct Squeeze: Operator, Hashable {
    package static let kind = "Squeeze"
    /// The axes, negative ones from the back; nil drops all of length one.
    package var axes: Integers?

    /// Drops `axes`.
    package init(axes: Integers?) { self.axes = axes }
    /// Drops `axes`.
    package init(_ axes: [Int]) { self.axes = .known(axes) }

    package var arity: ClosedRange<Int> { axes?.slot == nil ? 1...1 : 2...2 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let x = inputs[0]
        if let axes {
            guard let known = axes.values else { return [x.with(shape: try unknownShape(axes, inputs))] }
            let dropped = try checkedAxes(known, rank: x.rank)
            if let axis = dropped.first(where: { x.shape[$0].length.map { $0 != 1 } ?? false }) {
                throw FerryError(.shape, found: "input \(x.shape)", expected: "length 1 at axis \(axis)")
            }
            return [x.with(shape: x.shape.indices.filter { !dropped.contains($0) }.map { x.shape[$0] })]
        }
        guard x.shape.lengths != nil else {
            throw FerryError(.unsupported, found: "input \(x.shape) with free axes", expected: "the axes to drop")
        }
        return [x.with(shape: x.shape.filter { $0 != .fixed(1) })]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor
        let dropped =
            try axes(inputs).map { try checkedAxes($0, rank: x.rank) } ?? x.shape.indices.filter { x.shape[$0] == 1 }
        guard dropped.allSatisfy({ x.shape[$0] == 1 }) else {
            throw FerryError(.shape, found: "input \(x.shape)", expected: "length 1 at axes \(dropped)")
        }
        return [Signal(x.reshaped(x.shape.indices.filter { !dropped.contains($0) }.map { x.shape[$0] }))]
    }

    private func unknownShape(_ axes: Integers, _ inputs: Slots<ValueType>) throws -> [Dimension] {
        guard let count = axes.count(inputs), count <= inputs[0].rank else {
            throw FerryError(.unsupported, found: "axes that are computed", expected: "a known number of them")
        }
        return [Dimension](repeating: .unknown, count: inputs[0].rank - count)
    }
}

/// Adds axes of length one.
package struct Unsqueeze: Operator, Hashable {
    package static let kind = "Unsqueeze"
    /// Where they are in the output, negative ones from the back.
    package var axes: Integers

    /// Adds `axes`.
    package init(axes: Integers) { self.axes = axes }
    /// Adds `axes`.
    package init(_ axes: [Int]) { self.axes = .known(axes) }

    package var arity: ClosedRange<Int> { axes.slot == nil ? 1...1 : 2...2 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let x = inputs[0]
        guard let known = axes.values else {
            guard let count = axes.count(inputs) else {
                throw FerryError(.unsupported, found: "axes that are computed", expected: "a known number of them")
            }
            return [x.with(shape: [Dimension](repeating: .unknown, count: x.rank + count))]
        }
        return [x.with(shape: try expanded(x.shape, axes: known, one: .fixed(1)))]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor
        return [Signal(x.reshaped(try expanded(x.shape, axes: axes(inputs), one: 1)))]
    }

    private func expanded<Length>(_ shape: [Length], axes: [Int], one: Length) throws -> [Length] {
        var result = shape
        for axis in try checkedAxes(axes, rank: shape.count + axes.count) { result.insert(one, at: axis) }
        return result
    }
}

/// Puts the elements in reverse order along an axis.
package struct Reverse: Operator, Hashable {
    package static let kind = "Reverse"
    package var axis: Int

    /// Reverses along `axis`.
    package init(axis: Int) { self.axis = axis }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        _ = try checkedAxis(axis, rank: inputs[0].rank)
        return [inputs[0]]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor
        return [Signal(x.reversed(axis: try checkedAxis(axis, rank: x.rank)))]
    }
}
