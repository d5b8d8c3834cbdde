package import FerryEngine

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Makes one number of all along some axes.
package struct Reduction: Operator, Hashable {
    package static let kind = "Reduction"

    /// What the one number is.
    package enum Function: String, Sendable, CaseIterable {
        case sum, mean, maximum, minimum, product
        case sumOfAbsolutes, rootOfSquares, sumOfSquares, logarithmOfSum, logarithmOfExponentialSum
    }

    package var function: Function
    /// The axes, negative ones from the back; nil or none means all, unless ``keepsWithoutAxes``.
    package var axes: Integers?
    /// Whether the axes stay, with length one.
    package var keepsAxes: Bool
    /// Whether no axes means no reduction.
    package var keepsWithoutAxes: Bool

    /// Reduces along `axes`.
    package init(_ function: Function, axes: Integers?, keepsAxes: Bool = true, keepsWithoutAxes: Bool = false) {
        self.function = function
        self.axes = axes
        self.keepsAxes = keepsAxes
        self.keepsWithoutAxes = keepsWithoutAxes
    }

    package var arity: ClosedRange<Int> { axes?.slot == nil ? 1...1 : 2...2 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let x = inputs[0]
        guard let known = axes.map(\.values) ?? [] else {
            if keepsAxes { return [x.with(shape: x.shape.map { _ in .unknown })] }
            guard let count = axes?.count(inputs), count <= x.rank else {
                throw FerryError(
                    .unsupported, found: "axes that are computed", expected: "a known number of them, or axes that stay"
                )
            }
            let dropped = count == 0 && !keepsWithoutAxes ? x.rank : count
            return [x.with(shape: [Dimension](repeating: .unknown, count: x.rank - dropped))]
        }
        let reduced = try resolved(known, rank: x.rank)
        let shape = x.shape.enumerated().compactMap { axis, length -> Dimension? in
            reduced.contains(axis) ? (keepsAxes ? .fixed(1) : nil) : length
        }
        return [x.with(shape: shape)]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor
        let reduced = try resolved(axes(inputs) ?? [], rank: x.rank)
        let kept = (0..<x.rank).filter { !reduced.contains($0) }
        let length = reduced.map { x.shape[$0] }.product
        let lines = x.asNumbers().transposed(kept + reduced).reshaped([kept.map { x.shape[$0] }.product, length])
        let shape = x.shape.enumerated().compactMap { axis, length -> Int? in
            reduced.contains(axis) ? (keepsAxes ? 1 : nil) : length
        }
        // Of nothing the largest is the lowest number there is, and the mean none.
        return [Signal(reduce(lines, lines.dtype.numberType).reshaped(shape).cast(to: x.dtype))]
    }

    private func resolved(_ axes: [Int], rank: Int) throws -> [Int] {
        if axes.isEmpty { return keepsWithoutAxes ? [] : Array(0..<rank) }
        return try checkedAxes(axes, rank: rank)
    }

    private func reduce<N: Number>(_ lines: Tensor, _: N.Type) -> Tensor {
        let length = lines.shape[1]
        return lines.withUnsafeElements { (source: UnsafeBufferPointer<N>) in
            Tensor(shape: [lines.shape[0]], of: N.self) { target in
                for i in target.indices {
                    target[i] = reduced(UnsafeBufferPointer(rebasing: source[(i * length)..<((i + 1) * length)]))
                }
            }
        }
    }

    private func reduced<N: Number>(_ line: UnsafeBufferPointer<N>) -> N {
        guard !N.dtype.isFloat else { return N(nearest: reducedFloats(line)) }
        let sum = { line.reduce(N.zero) { $0.plus($1) } }
        switch function {
        case .sum: return sum()
        case .mean: return line.isEmpty ? N.zero : sum().over(N(wrapping: Int64(line.count)))
        case .maximum: return line.max() ?? N.lowest
        case .minimum: return line.min() ?? N.highest
        case .product: return line.reduce(N.one) { $0.times($1) }
        case .sumOfAbsolutes: return line.reduce(N.zero) { $0.plus($1 < N.zero ? N.zero.minus($1) : $1) }
        case .sumOfSquares: return line.reduce(N.zero) { $0.plus($1.times($1)) }
        case .rootOfSquares, .logarithmOfSum, .logarithmOfExponentialSum: return N(nearest: reducedFloats(line))
        }
    }

    private func reducedFloats<N: Number>(_ line: UnsafeBufferPointer<N>) -> Double {
        func sum(_ body: (Double) -> Double) -> Double { line.reduce(0) { $0 + body($1.doubleValue) } }
        switch function {
        case .sum: return sum { $0 }
        case .mean: return sum { $0 } / Double(line.count)
        case .maximum: return line.reduce(-.infinity) { $0.isNaN || $0 > $1.doubleValue ? $0 : $1.doubleValue }
        case .minimum: return line.reduce(.infinity) { $0.isNaN || $0 < $1.doubleValue ? $0 : $1.doubleValue }
        case .product: return line.reduce(1) { $0 * $1.doubleValue }
        case .sumOfAbsolutes: return sum(abs)
        case .sumOfSquares: return sum { $0 * $0 }
        case .rootOfSquares: return sum { $0 * $0 }.squareRoot()
        case .logarithmOfSum: return log(sum { $0 })
        case .logarithmOfExponentialSum:
            let largest = line.reduce(-.infinity) { max($0, $1.doubleValue) }
            return largest.isFinite ? largest + log(sum { exp($0 - largest) }) : largest
        }
    }
}

/// Where along an axis the largest or the smallest number lies, as int64.
package struct ArgExtremum: Operator, Hashable {
    package static let kind = "ArgExtremum"
    package var largest: Bool
    package var axis: Int
    /// Whether the axis stays, with length one.
    package var keepsAxis: Bool
    /// Whether of equal ones the last counts.
    package var takesLast: Bool

    package init(largest: Bool, axis: Int, keepsAxis: Bool = true, takesLast: Bool = false) {
        self.largest = largest
        self.axis = axis
        self.keepsAxis = keepsAxis
        self.takesLast = takesLast
    }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        var shape = inputs[0].shape
        let axis = try checkedAxis(axis, rank: shape.count)
        if keepsAxis { shape[axis] = 1 } else { shape.remove(at: axis) }
        return [ValueType(.int64, shape)]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor
        let axis = try checkedAxis(axis, rank: x.rank)
        var shape = x.shape
        if keepsAxis { shape[axis] = 1 } else { shape.remove(at: axis) }
        let indices = x.asNumbers().lines(axis).map { line in Int64(place(line, x.dtype.numberType)) }
        return [Signal(Tensor(indices, shape: shape))]
    }

    private func place<N: Number>(_ line: Tensor, _: N.Type) -> Int {
        let values = line.elements(N.self)
        var best = 0
        for i in values.indices.dropFirst() {
            let isBetter = largest ? values[i] > values[best] : values[i] < values[best]
            if isBetter || (takesLast && values[i] == values[best]) { best = i }
        }
        return best
    }
}

/// The sums, or the products, of all elements up to each along an axis.
///
/// Inputs: x, the axis (a scalar).
package struct CumulativeSum: Operator, Hashable {
    package static let kind = "CumulativeSum"
    /// Whether the element itself is left out.
    package var isExclusive: Bool
    /// Whether the sums run from the last element to the first.
    package var isReversed: Bool
    /// Whether elements are multiplied.
    package var isProduct: Bool

    package init(isExclusive: Bool = false, isReversed: Bool = false, isProduct: Bool = false) {
        self.isExclusive = isExclusive
        self.isReversed = isReversed
        self.isProduct = isProduct
    }

    package var arity: ClosedRange<Int> { 2...2 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] { [inputs[0]] }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor
        guard let axis = inputs[1].tensor.ints.first else {
            throw FerryError(.shape, found: "no axis", expected: "one")
        }
        let numbers = x.asNumbers()
        let summed = sums(numbers, try checkedAxis(axis, rank: x.rank), numbers.dtype.numberType)
        return [Signal(summed.cast(to: x.dtype))]
    }

    private func sums<N: Number>(_ x: Tensor, _ axis: Int, _: N.Type) -> Tensor {
        let (outer, length, inner) = x.split(at: axis)
        var result = x
        result.withUnsafeMutableElements { (data: UnsafeMutableBufferPointer<N>) in
            for line in 0..<(outer * inner) {
                let base = line / inner * length * inner + line % inner
                var sum = isProduct ? N.one : N.zero
                for k in 0..<length {
                    let i = base + (isReversed ? length - 1 - k : k) * inner
                    let value = data[i]
                    let next = isProduct ? sum.times(value) : sum.plus(value)
                    data[i] = isExclusive ? sum : next
                    sum = next
                }
            }
        }
        return result
    }
}

extension Tensor {
    /// The lines along `axis` as vectors, in row-major order of the other axes.
    func lines(_ axis: Int) -> [Tensor] {
        let (outer, length, inner) = split(at: axis)
        return (0..<(outer * inner)).map { line in
            gathered(shape: [length], strides: [inner], offset: line / inner * length * inner + line % inner)
        }
    }
}
