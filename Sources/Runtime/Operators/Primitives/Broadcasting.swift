package import FerryEngine

/// The axes that both broadcast to by NumPy's rule, as far as they are known.
///
/// - Throws: ``FerryError/Code/shape`` where they never fit.
package func broadcastDimensions(_ a: [Dimension], _ b: [Dimension]) throws -> [Dimension] {
    let rank = max(a.count, b.count)
    func padded(_ shape: [Dimension]) -> [Dimension] {
        [Dimension](repeating: .fixed(1), count: rank - shape.count) + shape
    }
    return try zip(padded(a), padded(b)).map { x, y in
        if x == .fixed(1) { return y }
        if y == .fixed(1) || x == y { return x }
        switch (x.length, y.length) {
        case (nil, nil): return .unknown
        case (nil, _): return y
        case (_, nil): return x
        default:
            throw FerryError(.shape, found: "shapes \(a) and \(b)", expected: "shapes that broadcast to each other")
        }
    }
}

extension [Dimension] {
    /// The lengths where all are fixed.
    package var lengths: [Int]? {
        let lengths = compactMap(\.length)
        return lengths.count == count ? lengths : nil
    }

    /// The number of elements, as far as it is known.
    var productDimension: Dimension {
        if contains(.fixed(0)) { return .fixed(0) }
        let open = filter { $0.length == nil }
        guard let known = compactMap(\.length).checkedProduct else { return .unknown }
        if open.isEmpty { return .fixed(known) }
        return open.count == 1 && known == 1 ? open[0] : .unknown
    }
}

/// The most axes of a value.
let largestRank = 64

/// The most elements of a value whose shape the data decide; more is taken for damage.
var largestComputedCount: Int { RunLimits.current.elements }

/// `shape`, which data or a file decide, where a tensor can have it.
///
/// - Throws: ``FerryError/Code/range`` for negative lengths and absurdly many elements.
package func checkedShape(_ shape: [Int]) throws -> [Int] {
    guard let count = shape.checkedProduct, count <= largestComputedCount else {
        throw FerryError(
            .range, found: "a result of shape \(shape)",
            expected: "lengths from 0, at most \(largestComputedCount) elements")
    }
    return shape
}

/// `axis` counted from the front.
///
/// - Throws: ``FerryError/Code/shape`` where it is outside.
package func checkedAxis(_ axis: Int, rank: Int) throws -> Int {
    guard let resolved = resolvedAxis(axis, rank: rank) else {
        throw FerryError(.shape, found: "axis \(axis)", expected: "an axis of \(rank)")
    }
    return resolved
}

/// `axes` counted from the front, in ascending order.
///
/// - Throws: ``FerryError/Code/shape`` where one is outside or repeats.
package func checkedAxes(_ axes: [Int], rank: Int) throws -> [Int] {
    let resolved = try axes.map { try checkedAxis($0, rank: rank) }
    guard Set(resolved).count == axes.count else {
        throw FerryError(.shape, found: "axes \(axes)", expected: "each axis once")
    }
    return resolved.sorted()
}

extension FerryError {
    /// An element type that an operator has no meaning for.
    static func unfit(_ dtype: DType, expected: String) -> FerryError {
        FerryError(.dtype, found: "an input of \(dtype.rawValue)", expected: expected)
    }
}

/// Checks that all inputs have one element type.
func requireOneType(_ inputs: [ValueType]) throws {
    guard let first = inputs.first, let other = inputs.first(where: { $0.dtype != first.dtype }) else { return }
    throw FerryError(
        .dtype, found: "inputs of \(first.dtype.rawValue) and \(other.dtype.rawValue)", expected: "one type")
}
