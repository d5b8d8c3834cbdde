/// A Swift type whose bytes are the elements of a tensor.
public protocol TensorElement: Sendable, Equatable, BitwiseCopyable {
    /// The tensor type that holds such elements.
    static var dtype: DType { get }
    /// The nearest element to `value`; integers truncate towards zero and saturate, as NumPy's casts do in range.
    init(nearest value: Double)
    /// The element as a double; exact for everything but integers beyond 2⁵³.
    var doubleValue: Double { get }
    /// The element with the low 64 bits of `integer`, wrapping around as C's casts do.
    init(wrapping integer: Int64)
    /// The element as 64 bits; meaningful for integers and booleans.
    var integerBits: Int64 { get }
}

extension TensorElement {
    public init(wrapping integer: Int64) { self.init(nearest: Double(integer)) }
    public var integerBits: Int64 { Int64(nearest: doubleValue) }
}

extension Float: TensorElement {
    public static var dtype: DType { .float32 }
    public init(nearest value: Double) { self.init(value) }
    public var doubleValue: Double { Double(self) }
}

extension Double: TensorElement {
    public static var dtype: DType { .float64 }
    public init(nearest value: Double) { self = value }
    public var doubleValue: Double { self }
}

extension Float16: TensorElement {
    public static var dtype: DType { .float16 }
    public init(nearest value: Double) { self.init(value) }
    public var doubleValue: Double { Double(self) }
}

extension Bool: TensorElement {
    public static var dtype: DType { .bool }
    public init(nearest value: Double) { self = value != 0 }
    public var doubleValue: Double { self ? 1 : 0 }
}

/// The upper sixteen bits of a float32 (8 exponent bits, 7 mantissa bits).
public struct BFloat16: TensorElement, Hashable {
    /// Sign, exponent and mantissa.
    public var bitPattern: UInt16

    /// The number with these sixteen bits.
    public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

    public static var dtype: DType { .bfloat16 }

    public init(nearest value: Double) {
        let bits = Float(value).bitPattern
        guard !value.isNaN else {
            self.init(bitPattern: UInt16(truncatingIfNeeded: bits >> 16) | 0x40)
            return
        }
        let roundToEven = 0x7FFF + ((bits >> 16) & 1)
        self.init(bitPattern: UInt16(truncatingIfNeeded: (bits &+ roundToEven) >> 16))
    }

    public var doubleValue: Double { Double(Float(bitPattern: UInt32(bitPattern) << 16)) }
}

extension TensorElement where Self: FixedWidthInteger {
    public init(nearest value: Double) {
        // Double(Int64.max) rounds up to 2⁶³, so the bounds are compared, not converted.
        if value.isNaN {
            self = 0
        } else if value >= Double(Self.max) {
            self = .max
        } else if value <= Double(Self.min) {
            self = .min
        } else {
            self.init(value)
        }
    }
    public var doubleValue: Double { Double(self) }
    public init(wrapping integer: Int64) { self.init(truncatingIfNeeded: integer) }
    public var integerBits: Int64 { Int64(truncatingIfNeeded: self) }
}

extension Int8: TensorElement { public static var dtype: DType { .int8 } }
extension Int16: TensorElement { public static var dtype: DType { .int16 } }
extension Int32: TensorElement { public static var dtype: DType { .int32 } }
extension Int64: TensorElement { public static var dtype: DType { .int64 } }
extension UInt8: TensorElement { public static var dtype: DType { .uint8 } }
extension UInt16: TensorElement { public static var dtype: DType { .uint16 } }
extension UInt32: TensorElement { public static var dtype: DType { .uint32 } }
extension UInt64: TensorElement { public static var dtype: DType { .uint64 } }

extension DType {
    /// The Swift type of one element.
    public var elementType: any TensorElement.Type {
        switch self {
        case .float32: Float.self
        case .float64: Double.self
        case .float16: Float16.self
        case .bfloat16: BFloat16.self
        case .int8: Int8.self
        case .int16: Int16.self
        case .int32: Int32.self
        case .int64: Int64.self
        case .uint8: UInt8.self
        case .uint16: UInt16.self
        case .uint32: UInt32.self
        case .uint64: UInt64.self
        case .bool: Bool.self
        }
    }
}
