public import FerryEngine

extension FerryError.Code {
    /// A NumPy file that is damaged or holds what Ferry has no tensor for.
    public static let numpy = Self("numpy")
}

/// What a `descr` such as `<f4` means.
struct NPYElementType: Equatable {
    let dtype: DType
    let isBigEndian: Bool

    init(_ descr: String, void2: NPYFile.Void2) throws {
        let order = descr.first
        guard let order, "<>|=".contains(order), descr.utf8.count > 1 else { throw Self.refusal(descr) }
        isBigEndian = order == ">"
        let code = String(descr.dropFirst())
        if code == "V2", void2 == .bfloat16 {
            dtype = .bfloat16
        } else if let known = Self.codes[code] {
            dtype = known
        } else {
            throw Self.refusal(descr)
        }
    }

    /// The `descr` that NumPy gives arrays of `dtype`.
    static func descr(of dtype: DType) throws -> String {
        guard let code = codes.first(where: { $0.value == dtype })?.key else {
            throw FerryError(.numpy, found: "NumPy has no \(dtype.rawValue)", remedy: "cast to float32 first")
        }
        return (dtype.byteCount == 1 ? "|" : "<") + code
    }

    private static let codes: [String: DType] = [
        "f2": .float16, "f4": .float32, "f8": .float64,
        "i1": .int8, "i2": .int16, "i4": .int32, "i8": .int64,
        "u1": .uint8, "u2": .uint16, "u4": .uint32, "u8": .uint64,
        "b1": .bool,
    ]

    private static let kinds: [Character: String] = [
        "O": "Python objects", "U": "strings", "S": "byte strings", "a": "byte strings", "c": "complex numbers",
        "M": "dates", "m": "time spans", "V": "raw bytes", "f": "floats of an unusual width",
    ]

    private static func refusal(_ descr: String) -> FerryError {
        let isStructured = descr.hasPrefix("[") || descr.hasPrefix("(")
        let kind = isStructured ? "structured records" : descr.dropFirst().first.flatMap { kinds[$0] }
        return FerryError(
            .numpy, found: kind.map { "holds \($0) (dtype \(descr))" } ?? "unknown dtype '\(descr)'",
            expected: "Ferry reads real numbers and booleans")
    }
}
