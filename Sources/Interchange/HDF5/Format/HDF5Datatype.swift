import FerryEngine

/// The type of an array's elements, as it is stored.
struct HDF5Datatype {
    /// What the elements are.
    let elements: HDF5Elements
    /// The bytes of one element.
    let size: Int
    private(set) var isBigEndian = false
    /// How texts of one length are filled up.
    private(set) var padding = Padding.zeros

    enum Padding: Int {
        case endsAtZero = 0, zeros, spaces
    }

    init(_ body: HDF5Cursor) throws {
        var body = body
        let head = try body.byte()
        let bits = try body.integer(3)
        let size = try body.integer(4)
        self.size = size
        guard 1...5 ~= head >> 4 else { throw HDF5Unknown(what: "datatype version \(head >> 4)") }
        switch head & 0xF {
        case 0:
            elements = try Self.integers(&body, bits, size)
            isBigEndian = bits & 1 != 0
        case 1:
            elements = try Self.floats(&body, bits, size)
            isBigEndian = bits & 1 != 0
        case 2: elements = .unsupported("times")
        case 3:
            guard let padding = Padding(rawValue: bits & 0xF) else { throw HDF5Unknown(what: "text padding") }
            self.padding = padding
            elements = .texts(isVariable: false)
        case 4: elements = .unsupported("bit fields")
        // NumPy has no bfloat16 of its own, so h5py stores two bytes without meaning.
        case 5 where size == 2: elements = .numbers(.bfloat16, isOpaque: true)
        case 5: elements = .unsupported("opaque elements of \(size) bytes")
        case 6: elements = .unsupported("compound elements")
        case 7: elements = .unsupported("references")
        case 8: (elements, isBigEndian) = try Self.enumeration(&body, version: head >> 4, count: bits & 0xFFFF, size)
        case 9: elements = bits & 0xF == 1 ? .texts(isVariable: true) : .unsupported("lists of various lengths")
        case 10: elements = .unsupported("arrays as elements")
        case 11: elements = .unsupported("complex numbers")
        default: throw HDF5Unknown(what: "datatype class \(head & 0xF)")
        }
    }

    private static func integers(_ body: inout HDF5Cursor, _ bits: Int, _ size: Int) throws -> HDF5Elements {
        let (offset, precision) = (try body.integer(2), try body.integer(2))
        guard let elements = HDF5Elements(integersOf: size, isSigned: bits & 8 != 0) else {
            return .unsupported("integers of \(size) bytes")
        }
        guard offset == 0, precision == 8 * size else { throw HDF5Unknown(what: "integers of \(precision) bits") }
        return elements
    }

    private static func floats(_ body: inout HDF5Cursor, _ bits: Int, _ size: Int) throws -> HDF5Elements {
        let (offset, precision) = (try body.integer(2), try body.integer(2))
        let (exponent, exponentBits) = (try body.integer(1), try body.integer(1))
        let (mantissa, mantissaBits) = (try body.integer(1), try body.integer(1))
        let bias = try body.integer(4)
        let elements = HDF5Elements(floatsOf: size, exponentBits: exponentBits, mantissaBits: mantissaBits)
        guard case .numbers = elements else { return elements }
        let isUsual =
            bits & 0x40 == 0 && bits >> 4 & 3 == 2 && bits >> 8 & 0xFF == 8 * size - 1 && offset == 0
            && precision == 8 * size && mantissa == 0 && exponent == mantissaBits && bias == 1 << (exponentBits - 1) - 1
        guard isUsual else { throw HDF5Unknown(what: "floating-point numbers of an unusual layout") }
        return elements
    }

    /// h5py stores booleans as an enumeration; any other enumeration is read as its numbers.
    private static func enumeration(
        _ body: inout HDF5Cursor, version: UInt8, count: Int, _ size: Int
    ) throws -> (HDF5Elements, isBigEndian: Bool) {
        // Integers have four bytes of properties behind eight that all types have.
        let base = try HDF5Datatype(try body.structure(12))
        switch base.elements {
        case .numbers(let dtype, _) where !dtype.isFloat && dtype != .bool: break
        case .unsupported: return (base.elements, false)
        default: throw HDF5Damage.error("an enumeration of something else than integers")
        }
        guard base.size == size else { throw HDF5Damage.error("an enumeration of another size than its numbers") }
        guard size == 1, count == 2 else { return (base.elements, base.isBigEndian) }
        let names = try (0..<2).map { _ in
            let name = try body.zeroTerminated()
            if version < 3 { try body.skip(7 - name.count % 8) }
            return String(decoding: name, as: UTF8.self)
        }
        return (names == ["FALSE", "TRUE"] ? .numbers(.bool) : base.elements, base.isBigEndian)
    }
}
