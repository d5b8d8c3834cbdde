package import FerryEngine

/// The same elements under another shape, the batch axis included.
package struct TensorReshape: Operator, Hashable {
    package static let kind = "TensorReshape"
    /// The lengths; −1 takes what is left, and 0 keeps the length of the input's axis unless ``zeroIsLength``.
    package var shape: Integers
    /// Whether a length of 0 means an empty axis.
    package var zeroIsLength: Bool

    /// Reshapes to `shape`.
    package init(_ shape: Integers, zeroIsLength: Bool = false) {
        self.shape = shape
        self.zeroIsLength = zeroIsLength
    }

    package var arity: ClosedRange<Int> { shape.slot == nil ? 1...1 : 2...2 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let x = inputs[0]
        if let values = shape.values, let lengths = x.shape.lengths {
            return [x.with(shape: try resolved(values, lengths).map(Dimension.fixed))]
        }
        guard let expected = shape.expected else {
            guard let rank = shape.count(inputs) else {
                throw FerryError(.unsupported, found: "a shape that is computed", expected: "a known number of axes")
            }
            return [x.with(shape: [Dimension](repeating: .unknown, count: rank))]
        }
        return [x.with(shape: try partlyResolved(expected, x.shape))]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor
        return [Signal(x.reshaped(try resolved(shape(inputs), x.shape)))]
    }

    private func resolved(_ values: [Int], _ lengths: [Int]) throws -> [Int] {
        let target = try kept(values, lengths)
        let known = target.filter { $0 >= 0 }
        let free = target.count { $0 == -1 }
        let count = lengths.product
        guard let product = known.checkedProduct, free <= 1, known.count + free == target.count else {
            throw mismatch(lengths, values)
        }
        let result = target.map { $0 == -1 ? (product == 0 ? 0 : count / product) : $0 }
        guard result.product == count else { throw mismatch(lengths, values) }
        return result
    }

    private func kept(_ values: [Int], _ lengths: [Int]) throws -> [Int] {
        try values.enumerated().map { axis, length in
            guard length == 0, !zeroIsLength else { return length }
            guard axis < lengths.count else { throw mismatch(lengths, values) }
            return lengths[axis]
        }
    }

    /// The free length is known where all axes that the others do not account for are.
    private func partlyResolved(_ expected: [Dimension], _ x: [Dimension]) throws -> [Dimension] {
        let target = try expected.enumerated().map { axis, length in
            guard length == .fixed(0), !zeroIsLength else { return length }
            guard axis < x.count else {
                throw FerryError(.shape, found: "input \(x)", expected: "an axis \(axis), which the shape keeps")
            }
            return x[axis]
        }
        guard let free = target.firstIndex(of: .fixed(-1)) else { return target }
        var result = target
        result[free] = .unknown
        // Axes of one name cancel; what then remains must be fixed on both sides.
        var open = x.filter { $0.length == nil }
        for length in target where length.length == nil {
            guard length != .unknown, let match = open.firstIndex(of: length) else { return result }
            open.remove(at: match)
        }
        let rest = target.enumerated().compactMap { $0 == free ? nil : $1.length }
        guard let fixed = rest.checkedProduct, let total = x.compactMap(\.length).checkedProduct else { return result }
        if open.isEmpty, fixed > 0, total % fixed == 0 {
            result[free] = .fixed(total / fixed)
        } else if open.count == 1, total == fixed {
            result[free] = open[0]
        }
        return result
    }

    private func mismatch(_ lengths: [Int], _ values: [Int]) -> FerryError {
        FerryError(.shape, found: "input \(lengths)", expected: "as many elements as shape \(values) has")
    }
}

/// Stretches axes of length one to a shape, by NumPy's rule in both directions.
package struct Expand: Operator, Hashable {
    package static let kind = "Expand"
    package var shape: Integers

    /// Stretches to `shape`.
    package init(_ shape: Integers) { self.shape = shape }

    package var arity: ClosedRange<Int> { shape.slot == nil ? 1...1 : 2...2 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard let rank = shape.count(inputs) else {
            throw FerryError(.unsupported, found: "a shape that is computed", expected: "a known number of axes")
        }
        let target = shape.expected ?? [Dimension](repeating: .unknown, count: rank)
        return [inputs[0].with(shape: try broadcastDimensions(inputs[0].shape, target))]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor
        let target = try shape(inputs)
        guard let stretched = broadcastShape(x.shape, target) else {
            throw FerryError(.shape, found: "input \(x.shape)", expected: "a shape that stretches to \(target)")
        }
        return [Signal(x.broadcast(to: try checkedShape(stretched)))]
    }
}

/// Repeats the tensor along each axis.
package struct Tile: Operator, Hashable {
    package static let kind = "Tile"
    /// How often, for each axis.
    package var repeats: Integers

    /// Repeats as often as `repeats` says.
    package init(_ repeats: Integers) { self.repeats = repeats }

    package var arity: ClosedRange<Int> { repeats.slot == nil ? 1...1 : 2...2 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let x = inputs[0]
        guard let factors = repeats.expected else {
            return [x.with(shape: x.shape.map { _ in .unknown })]
        }
        try check(factors.count, rank: x.rank)
        return [x.with(shape: zip(x.shape, factors).map { $0.times($1) })]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor
        let factors = try repeats(inputs)
        try check(factors.count, rank: x.rank)
        // The product of all pairs is the size of the result, so once it is sound no single product overflows.
        let pairs = try checkedShape(zip(factors, x.shape).flatMap { [$0, $1] })
        let spread = x.reshaped(x.shape.flatMap { [1, $0] }).broadcast(to: pairs)
        let shape = zip(factors, x.shape).map { $0 * $1 }
        return [Signal(spread.reshaped(shape))]
    }

    private func check(_ count: Int, rank: Int) throws {
        guard count == rank else {
            throw FerryError(.shape, found: "\(count) repeats", expected: "one for each of \(rank) axes")
        }
    }
}

extension Dimension {
    /// The length of an axis `factor` times as long.
    func times(_ factor: Dimension) -> Dimension {
        switch (self, factor) {
        case (.fixed(let a), .fixed(let b)): [a, b].checkedProduct.map(Dimension.fixed) ?? .unknown
        case (_, .fixed(1)): self
        case (.fixed(1), _): factor
        default: .unknown
        }
    }
}
