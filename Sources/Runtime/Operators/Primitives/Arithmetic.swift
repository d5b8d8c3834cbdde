package import FerryEngine

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Combines inputs of one type element by element, with NumPy's broadcasting; the type stays.
package struct Arithmetic: Operator, Hashable {
    package static let kind = "Arithmetic"

    /// How elements are combined.
    package enum Function: String, Sendable, CaseIterable {
        case add, subtract, multiply, divide, power
        /// The remainder with the sign of the divisor.
        case flooredRemainder
        /// The remainder with the sign of the dividend.
        case truncatedRemainder
        case minimum, maximum, sum, mean
    }

    /// How elements are combined.
    package var function: Function

    /// Combines by `function`.
    package init(_ function: Function) { self.function = function }

    package var arity: ClosedRange<Int> {
        switch function {
        case .minimum, .maximum, .sum, .mean: 1...Int.max
        default: 2...2
        }
    }
    package var timeLocality: TimeLocality { .perStep }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let types = inputs.present
        // An exponent may have a type of its own.
        if function != .power { try requireOneType(types) }
        guard types[0].dtype != .bool else { throw FerryError.unfit(.bool, expected: "numbers") }
        return [
            types[0].with(shape: try types.dropFirst().reduce(types[0].shape) { try broadcastDimensions($0, $1.shape) })
        ]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let tensors = inputs.present.map(\.tensor)
        var result = try fold(tensors.map { $0.asNumbers() }, tensors[0].dtype.numberType)
        if function == .mean { result = result.mapDoubles { $0 / Double(tensors.count) } }
        return [Signal(result.cast(to: tensors[0].dtype))]
    }

    private func fold<N: Number>(_ tensors: [Tensor], _: N.Type) throws -> Tensor {
        try tensors.dropFirst().reduce(tensors[0]) { try combined($0, $1, N.self) }
    }

    private func combined<N: Number>(_ a: Tensor, _ b: Tensor, _: N.Type) throws -> Tensor {
        if function == .power { return try powers(a, b).cast(to: N.dtype) }
        if function == .divide && !N.dtype.isFloat && b.ints.contains(0) {
            throw FerryError(.range, found: "an integer division by zero")
        }
        return try a.combining(b) { (x: N, y: N) in apply(x, y) }
    }

    private func powers(_ base: Tensor, _ exponent: Tensor) throws -> Tensor {
        try base.cast(to: .float64).combining(exponent.cast(to: .float64)) { (x: Double, y: Double) in pow(x, y) }
    }

    private func apply<N: Number>(_ a: N, _ b: N) -> N {
        switch function {
        case .add, .sum, .mean: a.plus(b)
        case .subtract: a.minus(b)
        case .multiply, .power: a.times(b)
        case .divide: a.over(b)
        case .flooredRemainder: a.flooredRemainder(b)
        case .truncatedRemainder: a.truncatedRemainder(b)
        case .minimum: a.isNotANumber || a < b ? a : b
        case .maximum: a.isNotANumber || a > b ? a : b
        }
    }
}
