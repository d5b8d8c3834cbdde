package import FerryEngine

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// An element type with arithmetic; integers wrap around, as ONNX Runtime's do.
package protocol Number: TensorElement, Comparable {
    static var zero: Self { get }
    static var one: Self { get }
    /// The element that no other is below, −∞ for floats.
    static var lowest: Self { get }
    /// The element that no other is above, ∞ for floats.
    static var highest: Self { get }
    func plus(_ other: Self) -> Self
    func minus(_ other: Self) -> Self
    func times(_ other: Self) -> Self
    /// The quotient; integers truncate, and dividing one by zero gives zero.
    func over(_ other: Self) -> Self
    /// The remainder with the sign of the divisor.
    func flooredRemainder(_ other: Self) -> Self
    /// The remainder with the sign of the dividend.
    func truncatedRemainder(_ other: Self) -> Self
    var isNotANumber: Bool { get }
}

extension Number where Self: BinaryFloatingPoint {
    package static var one: Self { 1 }
    package static var lowest: Self { -.infinity }
    package static var highest: Self { .infinity }
    package func plus(_ other: Self) -> Self { self + other }
    package func minus(_ other: Self) -> Self { self - other }
    package func times(_ other: Self) -> Self { self * other }
    package func over(_ other: Self) -> Self { self / other }
    package func truncatedRemainder(_ other: Self) -> Self { truncatingRemainder(dividingBy: other) }
    package func flooredRemainder(_ other: Self) -> Self {
        let remainder = truncatingRemainder(dividingBy: other)
        return remainder != 0 && (remainder < 0) != (other < 0) ? remainder + other : remainder
    }
    package var isNotANumber: Bool { isNaN }
}

extension Number where Self: FixedWidthInteger {
    package static var one: Self { 1 }
    package static var lowest: Self { .min }
    package static var highest: Self { .max }
    package func plus(_ other: Self) -> Self { self &+ other }
    package func minus(_ other: Self) -> Self { self &- other }
    package func times(_ other: Self) -> Self { self &* other }
    package func over(_ other: Self) -> Self { other == 0 ? 0 : dividedReportingOverflow(by: other).partialValue }
    package func truncatedRemainder(_ other: Self) -> Self {
        other == 0 ? 0 : remainderReportingOverflow(dividingBy: other).partialValue
    }
    package func flooredRemainder(_ other: Self) -> Self {
        let remainder = truncatedRemainder(other)
        return remainder != 0 && (remainder < 0) != (other < 0) ? remainder &+ other : remainder
    }
    package var isNotANumber: Bool { false }
}

extension Float: Number {}
extension Double: Number {}
extension Int8: Number {}
extension Int16: Number {}
extension Int32: Number {}
extension Int64: Number {}
extension UInt8: Number {}
extension UInt16: Number {}
extension UInt32: Number {}
extension UInt64: Number {}

extension DType {
    /// The type in which such elements are computed: half precision as float32, booleans as bytes.
    package var numberType: any Number.Type {
        switch self {
        case .float32, .float16, .bfloat16: Float.self
        case .float64: Double.self
        case .int8: Int8.self
        case .int16: Int16.self
        case .int32: Int32.self
        case .int64: Int64.self
        case .uint8, .bool: UInt8.self
        case .uint16: UInt16.self
        case .uint32: UInt32.self
        case .uint64: UInt64.self
        }
    }
}

extension Tensor {
    /// This tensor in the type in which its elements are computed.
    func asNumbers() -> Tensor { cast(to: dtype.numberType.dtype) }

    /// `body` applied to each element as a double; the elements keep their type.
    func mapDoubles(_ body: (Double) -> Double) -> Tensor {
        func go<Element: TensorElement>(_: Element.Type) -> Tensor {
            map { (x: Element) in Element(nearest: body(x.doubleValue)) }
        }
        return go(dtype.elementType)
    }
}
