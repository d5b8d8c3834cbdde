public import FerryEngine

/// The type of the elements of a PyTorch tensor, with its name in each container.
public struct TorchDType: Sendable, Hashable {
    /// The name in the module `torch`, such as `float32`.
    public let name: String
    /// The class of the storages of this type in `.pt` files, such as `FloatStorage`; nil where they are untyped.
    let storage: String?
    /// The name in `.safetensors`, such as `F32`; nil where that format has none.
    let safetensors: String?
    /// Bytes of one element.
    public let byteCount: Int
    /// The type of Ferry's tensors with these elements; nil where Ferry carries them only.
    public let dtype: DType?

    /// How many bytes change places where a file has the other byte order; a complex number has two parts.
    var wordLength: Int { name.hasPrefix("complex") ? byteCount / 2 : byteCount }

    private init(_ name: String, _ storage: String?, _ safetensors: String?, _ byteCount: Int, _ dtype: DType? = nil) {
        (self.name, self.storage, self.safetensors) = (name, storage, safetensors)
        (self.byteCount, self.dtype) = (byteCount, dtype)
    }

    /// Every type that state dicts hold.
    static let all: [TorchDType] = [
        TorchDType("float64", "DoubleStorage", "F64", 8, .float64),
        TorchDType("float32", "FloatStorage", "F32", 4, .float32),
        TorchDType("float16", "HalfStorage", "F16", 2, .float16),
        TorchDType("bfloat16", "BFloat16Storage", "BF16", 2, .bfloat16),
        TorchDType("int64", "LongStorage", "I64", 8, .int64),
        TorchDType("int32", "IntStorage", "I32", 4, .int32),
        TorchDType("int16", "ShortStorage", "I16", 2, .int16),
        TorchDType("int8", "CharStorage", "I8", 1, .int8),
        TorchDType("uint8", "ByteStorage", "U8", 1, .uint8),
        TorchDType("bool", "BoolStorage", "BOOL", 1, .bool),
        TorchDType("uint64", nil, "U64", 8, .uint64),
        TorchDType("uint32", nil, "U32", 4, .uint32),
        TorchDType("uint16", nil, "U16", 2, .uint16),
        TorchDType("complex128", "ComplexDoubleStorage", nil, 16),
        TorchDType("complex64", "ComplexFloatStorage", "C64", 8),
        TorchDType("float8_e4m3fn", nil, "F8_E4M3", 1),
        TorchDType("float8_e5m2", nil, "F8_E5M2", 1),
        TorchDType("float8_e4m3fnuz", nil, "F8_E4M3FNUZ", 1),
        TorchDType("float8_e5m2fnuz", nil, "F8_E5M2FNUZ", 1),
        TorchDType("float8_e8m0fnu", nil, "F8_E8M0", 1),
    ]

    static let float32 = all[1]
    static let int64 = all[4]
    static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })
    static let byStorage = Dictionary(uniqueKeysWithValues: all.compactMap { type in type.storage.map { ($0, type) } })
    static let bySafetensors = Dictionary(
        uniqueKeysWithValues: all.compactMap { type in type.safetensors.map { ($0, type) } })
    private static let byDType = Dictionary(
        uniqueKeysWithValues: all.compactMap { type in type.dtype.map { ($0, type) } })

    /// The type of a tensor that Ferry computes with.
    init(_ dtype: DType) { self = Self.byDType[dtype] ?? .float32 }
}
