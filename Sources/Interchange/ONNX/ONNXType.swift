package import FerryEngine

/// The type of a value.
package struct ONNXType: Sendable, Equatable {
    package var value: Value
    /// What the value means, such as `IMAGE`.
    package var denotation = ""

    /// A type without a denotation.
    package init(_ value: Value) { self.value = value }

    /// A tensor; `shape` is nil where even the number of axes is unknown.
    package static func tensor(_ dtype: DType, _ shape: [ONNXDimension]?) -> ONNXType {
        ONNXType(.tensor(ONNXDataType(dtype), shape))
    }

    /// The kinds of types; nil stands for a part that the file leaves open.
    package indirect enum Value: Sendable, Equatable {
        case tensor(ONNXDataType, [ONNXDimension]?)
        case sparseTensor(ONNXDataType, [ONNXDimension]?)
        case sequence(ONNXType?)
        case optional(ONNXType?)
        case map(key: ONNXDataType, value: ONNXType?)
        case opaque(domain: String, name: String)
        case unknown
    }
}

/// The length of one axis.
package struct ONNXDimension: Sendable, Equatable {
    package var length: Length
    /// What the axis means, such as `DATA_BATCH`.
    package var denotation = ""

    /// A length that is a number, equal to all others of the same name, or unknown.
    package enum Length: Sendable, Equatable {
        case fixed(Int)
        case named(String)
        case unknown
    }

    /// An axis without a denotation.
    package init(_ length: Length) { self.length = length }
}
