import FerryEngine

/// What the elements of a stored array are.
enum HDF5Elements: Equatable {
    /// Numbers or booleans, and whether HDF5 takes them for bytes without meaning.
    case numbers(DType, isOpaque: Bool = false)
    /// Texts, either of one length or each with its own.
    case texts(isVariable: Bool)
    /// Something that Ferry does not read, named.
    case unsupported(String)

    /// Integers of `size` bytes; nil where there is no such tensor.
    init?(integersOf size: Int, isSigned: Bool) {
        switch (size, isSigned) {
        case (1, true): self = .numbers(.int8)
        case (2, true): self = .numbers(.int16)
        case (4, true): self = .numbers(.int32)
        case (8, true): self = .numbers(.int64)
        case (1, false): self = .numbers(.uint8)
        case (2, false): self = .numbers(.uint16)
        case (4, false): self = .numbers(.uint32)
        case (8, false): self = .numbers(.uint64)
        default: return nil
        }
    }

    /// Floating-point numbers of `size` bytes.
    init(floatsOf size: Int, exponentBits: Int, mantissaBits: Int) {
        switch (size, exponentBits, mantissaBits) {
        case (4, 8, 23): self = .numbers(.float32)
        case (8, 11, 52): self = .numbers(.float64)
        case (2, 5, 10): self = .numbers(.float16)
        case (2, 8, 7): self = .numbers(.bfloat16)
        default: self = .unsupported("floating-point numbers of \(size) bytes with \(exponentBits) exponent bits")
        }
    }

    /// Texts of `size` bytes each, filled up with zeros or as the file says.
    static func texts(_ bytes: [UInt8], of size: Int, _ padding: HDF5Datatype.Padding = .zeros) -> [String] {
        stride(from: 0, to: bytes.count, by: size).map { start in
            var text = bytes[start..<(start + size)]
            if padding == .endsAtZero { text = text.prefix { $0 != 0 } }
            if padding == .spaces { while text.last == UInt8(ascii: " ") { text.removeLast() } }
            while text.last == 0 { text.removeLast() }
            return String(decoding: text, as: UTF8.self)
        }
    }
}

extension HDF5Attribute {
    /// An attribute with the elements of an array.
    init(_ content: HDF5Dataset.Content) {
        switch content {
        case .tensor(let tensor): self = .tensor(tensor)
        case .strings(let texts, let shape): self = shape.isEmpty ? .string(texts.first ?? "") : .strings(texts)
        case .unsupported(let kind): self = .unsupported(kind)
        }
    }

    /// The value of an attribute without elements.
    init(empty elements: HDF5Elements) {
        switch elements {
        case .numbers(let dtype, _): self = .tensor(Tensor(zeros: [0], dtype: dtype))
        case .texts: self = .string("")
        case .unsupported(let kind): self = .unsupported(kind)
        }
    }
}

extension HDF5Dataset.Content {
    /// The content of a dataset without elements.
    init(empty elements: HDF5Elements) {
        switch elements {
        case .numbers(let dtype, _): self = .tensor(Tensor(zeros: [0], dtype: dtype))
        case .texts: self = .strings([], shape: [0])
        case .unsupported(let kind): self = .unsupported(kind)
        }
    }
}
