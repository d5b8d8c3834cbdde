package import FerryEngine

/// The number by which an ONNX file names a type of element.
package struct ONNXDataType: Hashable, Sendable, CustomStringConvertible {
    /// The number in the file.
    package let number: Int

    /// The type with this number, which may be one that Ferry does not know.
    package init(_ number: Int) { self.number = number }

    /// The type of a tensor's elements.
    package init(_ dtype: DType) { number = Self.numbers[dtype] ?? 0 }

    /// A tensor of texts.
    package static let string = ONNXDataType(8)

    /// The type that Ferry computes with; nil where it has none.
    package var dtype: DType? { known?.dtype }

    /// `float32`, or `type 99` where the number is unknown.
    package var description: String { known?.name ?? "type \(number)" }

    /// The bytes that `count` elements take, closely packed; nil where that is unknown or more than an `Int` holds.
    package func byteCount(of count: Int) -> Int? {
        guard let bits = known?.bits, bits > 0 else { return nil }
        let (total, overflow) = count.multipliedReportingOverflow(by: bits)
        return overflow || total > Int.max - 7 ? nil : (total + 7) / 8
    }

    /// The field that holds the elements where they are not raw bytes; nil for unknown types.
    var field: Field? { known?.field }

    enum Field: String {
        case floats = "float_data"
        case doubles = "double_data"
        case int32s = "int32_data"
        case int64s = "int64_data"
        case uint64s = "uint64_data"
        case strings = "string_data"
    }

    private struct Known {
        let name: String
        let bits: Int
        let field: Field
        let dtype: DType?
    }

    private var known: Known? { Self.table[number] }

    private static let numbers = table.reduce(into: [DType: Int]()) { numbers, entry in
        if let dtype = entry.value.dtype { numbers[dtype] = entry.key }
    }

    // onnx.TensorProto.DataType; types without a DType are carried along as bytes.
    private static let table: [Int: Known] = [
        1: Known(name: "float32", bits: 32, field: .floats, dtype: .float32),
        2: Known(name: "uint8", bits: 8, field: .int32s, dtype: .uint8),
        3: Known(name: "int8", bits: 8, field: .int32s, dtype: .int8),
        4: Known(name: "uint16", bits: 16, field: .int32s, dtype: .uint16),
        5: Known(name: "int16", bits: 16, field: .int32s, dtype: .int16),
        6: Known(name: "int32", bits: 32, field: .int32s, dtype: .int32),
        7: Known(name: "int64", bits: 64, field: .int64s, dtype: .int64),
        8: Known(name: "string", bits: 0, field: .strings, dtype: nil),
        9: Known(name: "bool", bits: 8, field: .int32s, dtype: .bool),
        10: Known(name: "float16", bits: 16, field: .int32s, dtype: .float16),
        11: Known(name: "float64", bits: 64, field: .doubles, dtype: .float64),
        12: Known(name: "uint32", bits: 32, field: .uint64s, dtype: .uint32),
        13: Known(name: "uint64", bits: 64, field: .uint64s, dtype: .uint64),
        14: Known(name: "complex64", bits: 64, field: .floats, dtype: nil),
        15: Known(name: "complex128", bits: 128, field: .doubles, dtype: nil),
        16: Known(name: "bfloat16", bits: 16, field: .int32s, dtype: .bfloat16),
        17: Known(name: "float8e4m3fn", bits: 8, field: .int32s, dtype: nil),
        18: Known(name: "float8e4m3fnuz", bits: 8, field: .int32s, dtype: nil),
        19: Known(name: "float8e5m2", bits: 8, field: .int32s, dtype: nil),
        20: Known(name: "float8e5m2fnuz", bits: 8, field: .int32s, dtype: nil),
        21: Known(name: "uint4", bits: 4, field: .int32s, dtype: nil),
        22: Known(name: "int4", bits: 4, field: .int32s, dtype: nil),
        23: Known(name: "float4e2m1", bits: 4, field: .int32s, dtype: nil),
        24: Known(name: "float8e8m0", bits: 8, field: .int32s, dtype: nil),
        25: Known(name: "uint2", bits: 2, field: .int32s, dtype: nil),
        26: Known(name: "int2", bits: 2, field: .int32s, dtype: nil),
    ]
}
