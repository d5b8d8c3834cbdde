/// How close two tensors must be to count as equal.
public enum Tolerance: Sendable {
    /// Bit for bit.
    case exact
    /// |a − b| ≤ bound · max(1, largest |b|): relative to the scale of the whole tensor.
    case relative(Double)

    /// What `ferry convert` accepts of its own work.
    public static let conversion = Tolerance.relative(1e-5)
}

/// How far two tensors lie apart.
public struct Difference: Sendable, CustomStringConvertible {
    /// The largest |a − b|; infinite where only one of the two is NaN or the shapes differ.
    public let largest: Double
    /// The largest |b|, at least 1.
    public let scale: Double
    /// Where the largest difference lies, in row-major order.
    public let index: Int
    /// What the shapes are, where they differ.
    public let shapes: (found: [Int], expected: [Int])?

    /// Compares two tensors element by element as doubles; NaN equals NaN, and infinities of one sign are equal.
    public init(_ found: Tensor, _ expected: Tensor) {
        guard found.shape == expected.shape else {
            (largest, scale, index, shapes) = (.infinity, 1, 0, (found.shape, expected.shape))
            return
        }
        let a: [Double] = found.cast(to: .float64).elements()
        let b: [Double] = expected.cast(to: .float64).elements()
        var worst = (difference: 0.0, index: 0)
        for i in a.indices where a[i] != b[i] && !(a[i].isNaN && b[i].isNaN) {
            let difference = abs(a[i] - b[i])
            let comparable = difference.isNaN ? .infinity : difference
            if comparable > worst.difference { worst = (comparable, i) }
        }
        largest = worst.difference
        index = worst.index
        scale = b.reduce(1) { $1.isFinite ? max($0, abs($1)) : $0 }
        shapes = nil
    }

    /// The largest difference as a share of the scale.
    public var relative: Double { largest / scale }

    /// Whether the tensors count as equal.
    public func isWithin(_ tolerance: Tolerance) -> Bool {
        switch tolerance {
        case .exact: largest == 0
        case .relative(let bound): relative <= bound
        }
    }

    /// `largest difference 1.2e-07 of 73.3`, or the two shapes.
    public var description: String {
        if let shapes { return "shape \(shapes.found) instead of \(shapes.expected)" }
        return "largest difference \(largest.scientific) of \((scale * 10).rounded() / 10)"
    }
}

extension Double {
    /// Two significant digits and the power of ten, as in `3.0e-08`.
    package var scientific: String {
        guard isFinite, self != 0 else { return self == 0 ? "0" : "\(self)" }
        var (mantissa, exponent) = (magnitude, 0)
        while mantissa >= 9.95 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
        while mantissa < 0.995 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
        let digits = Int((mantissa * 10).rounded())
        let power = (exponent.magnitude < 10 ? "0" : "") + "\(exponent.magnitude)"
        return "\(self < 0 ? "-" : "")\(digits / 10).\(digits % 10)e\(exponent < 0 ? "-" : "+")\(power)"
    }
}
