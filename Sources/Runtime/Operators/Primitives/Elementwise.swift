package import FerryEngine

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A function of each number that keeps the type; see ``Activation`` for those that networks are built around.
package struct Elementwise: Operator, Hashable {
    package static let kind = "Elementwise"

    /// A function of one number.
    package enum Function: String, Sendable, CaseIterable {
        case negate, absolute, sign, squareRoot, exponential, logarithm, errorFunction, reciprocal
        case floor, ceiling
        /// To the nearest integer, halves to the even one.
        case round
        case sine, cosine, tangent, arcsine, arccosine, arctangent
        case hyperbolicSine, hyperbolicCosine, areaSine, areaCosine, areaTangent
        case rectified
    }

    /// The function.
    package var function: Function

    /// Applies `function`.
    package init(_ function: Function) { self.function = function }

    package var timeLocality: TimeLocality { .perStep }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard inputs[0].dtype.isFloat || (worksOnIntegers && inputs[0].dtype != .bool) else {
            throw FerryError.unfit(inputs[0].dtype, expected: worksOnIntegers ? "numbers" : "floating-point numbers")
        }
        return [inputs[0]]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor
        guard x.dtype.isFloat else { return [Signal(integers(x, x.dtype.numberType))] }
        return [Signal(x.mapDoubles(apply))]
    }

    private var worksOnIntegers: Bool {
        switch function {
        case .negate, .absolute, .sign, .rectified: true
        default: false
        }
    }

    private func integers<N: Number>(_ x: Tensor, _: N.Type) -> Tensor {
        x.map { (value: N) in
            switch function {
            case .negate: N.zero.minus(value)
            case .absolute: value < N.zero ? N.zero.minus(value) : value
            case .sign: value < N.zero ? N.zero.minus(N.one) : value > N.zero ? N.one : N.zero
            case .rectified: max(value, N.zero)
            default: value
            }
        }
    }

    private func apply(_ x: Double) -> Double {
        switch function {
        case .negate: -x
        case .absolute: abs(x)
        case .sign: x.isNaN ? x : x > 0 ? 1 : x < 0 ? -1 : 0
        case .squareRoot: x.squareRoot()
        case .exponential: exp(x)
        case .logarithm: log(x)
        case .errorFunction: erf(x)
        case .reciprocal: 1 / x
        case .floor: x.rounded(.down)
        case .ceiling: x.rounded(.up)
        case .round: x.rounded(.toNearestOrEven)
        case .sine: sin(x)
        case .cosine: cos(x)
        case .tangent: tan(x)
        case .arcsine: asin(x)
        case .arccosine: acos(x)
        case .arctangent: atan(x)
        case .hyperbolicSine: sinh(x)
        case .hyperbolicCosine: cosh(x)
        case .areaSine: asinh(x)
        case .areaCosine: acosh(x)
        case .areaTangent: atanh(x)
        case .rectified: max(x, 0)
        }
    }
}

/// Holds each number between two bounds, each of which may be left out.
///
/// Inputs: x, minimum, maximum.
package struct Clip: Operator, Hashable {
    package static let kind = "Clip"

    package init() {}

    package var arity: ClosedRange<Int> { 1...3 }
    package var timeLocality: TimeLocality { .perStep }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        try requireOneType(inputs.present)
        return [inputs[0]]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor
        let bounds = [1, 2].map { inputs[optional: $0]?.tensor.asNumbers() }
        guard !bounds.contains(where: { $0?.count == 0 }) else {
            throw FerryError(.shape, found: "an empty bound", expected: "a scalar")
        }
        return [Signal(clipped(x.asNumbers(), bounds[0], bounds[1], x.dtype.numberType).cast(to: x.dtype))]
    }

    private func clipped<N: Number>(_ x: Tensor, _ low: Tensor?, _ high: Tensor?, _: N.Type) -> Tensor {
        let low = low.map { $0.elements(N.self)[0] } ?? N.lowest
        let high = high.map { $0.elements(N.self)[0] } ?? N.highest
        return x.map { (value: N) in value.isNotANumber ? value : min(max(value, low), high) }
    }
}

/// Converts elements to another type.
package struct Cast: Operator, Hashable {
    package static let kind = "Cast"
    /// The type of the output; nil takes that of the second input.
    package var dtype: DType?

    /// Converts to `dtype`.
    package init(to dtype: DType?) { self.dtype = dtype }

    package var arity: ClosedRange<Int> { dtype == nil ? 2...2 : 1...1 }
    package var timeLocality: TimeLocality { .perStep }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        [inputs[0].with(dtype: dtype ?? inputs[1].dtype)]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        [Signal(inputs[0].tensor.cast(to: dtype ?? inputs[1].tensor.dtype))]
    }
}
