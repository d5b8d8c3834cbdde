/// The length of one axis of a value that is not computed yet.
public enum Dimension: Sendable, Hashable, CustomStringConvertible, ExpressibleByIntegerLiteral {
    /// Known when the model was made.
    case fixed(Int)
    /// Free, and equal to every other axis of the same name.
    case named(String)
    /// Free.
    case unknown

    /// A fixed length.
    public init(integerLiteral value: Int) { self = .fixed(value) }

    /// The batch axis.
    public static let batch = Dimension.named("batch")
    /// The time axis.
    public static let time = Dimension.named("time")

    /// The length where it is fixed.
    public var length: Int? { if case .fixed(let length) = self { length } else { nil } }

    /// Whether a tensor could satisfy both.
    public func isCompatible(with other: Dimension) -> Bool {
        guard let a = length, let b = other.length else { return true }
        return a == b
    }

    public var description: String {
        switch self {
        case .fixed(let length): "\(length)"
        case .named(let name): name
        case .unknown: "?"
        }
    }
}

/// The element type and the axes of a value that is not computed yet.
public struct ValueType: Sendable, Hashable, CustomStringConvertible {
    /// The type of the elements.
    public var dtype: DType
    /// The axes.
    public var shape: [Dimension]

    /// A type from its parts.
    public init(_ dtype: DType = .float32, _ shape: [Dimension]) {
        self.dtype = dtype
        self.shape = shape
    }

    /// The type of a tensor that is at hand.
    public init(of tensor: Tensor) { self.init(tensor.dtype, tensor.shape.map(Dimension.fixed)) }

    /// The number of axes.
    public var rank: Int { shape.count }

    /// The same axes with other elements.
    public func with(dtype: DType) -> ValueType { ValueType(dtype, shape) }

    /// The same elements with other axes.
    public func with(shape: [Dimension]) -> ValueType { ValueType(dtype, shape) }

    /// `float32 [batch, time, 4]`.
    public var description: String { "\(dtype.rawValue) \(shape.description)" }
}
