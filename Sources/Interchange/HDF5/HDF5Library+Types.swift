import CHDF5
import FerryEngine

extension HDF5Library {
    /// What the elements of a stored type are.
    func elements(of type: borrowing HDF5Handle) throws -> HDF5Elements {
        let size = H5Tget_size(type.id)
        switch H5Tget_class(type.id) {
        case H5T_INTEGER: return try integers(type, size)
        case H5T_FLOAT: return try floats(type, size)
        case H5T_ENUM: return try enumeration(type)
        case H5T_STRING: return .texts(isVariable: try check(H5Tis_variable_str(type.id)) > 0)
        // NumPy has no bfloat16 of its own, so h5py stores two bytes without meaning.
        case H5T_OPAQUE where size == 2: return .numbers(.bfloat16, isOpaque: true)
        case H5T_OPAQUE: return .unsupported("opaque elements of \(size) bytes")
        case H5T_COMPOUND: return .unsupported("compound elements")
        case H5T_REFERENCE: return .unsupported("references")
        case H5T_VLEN: return .unsupported("lists of various lengths")
        case H5T_ARRAY: return .unsupported("arrays as elements")
        case H5T_BITFIELD: return .unsupported("bit fields")
        case H5T_TIME: return .unsupported("times")
        case H5T_NO_CLASS: throw failure()
        default: return .unsupported("elements of a kind unknown to this HDF5 library")
        }
    }

    /// The type in which such elements are read into memory.
    func memoryType(
        for elements: HDF5Elements, stored: borrowing HDF5Handle, referenceSize: Int
    ) throws -> HDF5Handle {
        switch elements {
        case .numbers(.bool, _): try copy(ferry_h5t_native_int8())
        case .numbers(_, isOpaque: true), .unsupported: try copy(stored.id)
        case .numbers(.float16, _): try halfWidthFloat(exponentBits: 5)
        case .numbers(.bfloat16, _): try halfWidthFloat(exponentBits: 8)
        case .numbers(let dtype, _): try type(of: dtype)
        case .texts(isVariable: true): try opaque(size: referenceSize)
        case .texts(isVariable: false):
            // Both sets are read as UTF-8, but the library refuses to convert between them.
            try textType(size: H5Tget_size(stored.id), isASCII: H5Tget_cset(stored.id) == H5T_CSET_ASCII)
        }
    }

    /// Lets texts of various lengths be read as the references that the file holds in their place.
    func allowReferences() throws {
        let text = try textType(size: nil, isASCII: true)
        let reference = try opaque(size: 16)
        try check(H5Tregister(H5T_PERS_SOFT, Self.conversion, text.id, reference.id, keepBytes))
    }

    /// Ends what ``allowReferences()`` began.
    func disallowReferences() {
        _ = H5Tunregister(H5T_PERS_SOFT, Self.conversion, -1, -1, keepBytes)
    }

    private static let conversion = "ferry text to reference"

    /// The type in which elements are kept in memory and written, as h5py writes them.
    func type(of dtype: DType) throws -> HDF5Handle {
        switch dtype {
        case .float32: try copy(ferry_h5t_native_float())
        case .float64: try copy(ferry_h5t_native_double())
        case .float16: try halfWidthFloat(exponentBits: 5)
        case .bfloat16: try opaque(size: 2)
        case .int8: try copy(ferry_h5t_native_int8())
        case .int16: try copy(ferry_h5t_native_int16())
        case .int32: try copy(ferry_h5t_native_int32())
        case .int64: try copy(ferry_h5t_native_int64())
        case .uint8: try copy(ferry_h5t_native_uint8())
        case .uint16: try copy(ferry_h5t_native_uint16())
        case .uint32: try copy(ferry_h5t_native_uint32())
        case .uint64: try copy(ferry_h5t_native_uint64())
        case .bool: try truthValues()
        }
    }

    /// The type of texts with `size` bytes each, padded with zeros, or of texts that each have their own length.
    func textType(size: Int?, isASCII: Bool) throws -> HDF5Handle {
        let type = try copy(ferry_h5t_c_s1())
        try check(H5Tset_size(type.id, size ?? ferry_h5t_variable()))
        try check(H5Tset_strpad(type.id, size == nil ? H5T_STR_NULLTERM : H5T_STR_NULLPAD))
        try check(H5Tset_cset(type.id, isASCII ? H5T_CSET_ASCII : H5T_CSET_UTF8))
        return type
    }

    private func integers(_ type: borrowing HDF5Handle, _ size: Int) throws -> HDF5Elements {
        HDF5Elements(integersOf: size, isSigned: H5Tget_sign(type.id) == H5T_SGN_2)
            ?? .unsupported("integers of \(size) bytes")
    }

    private func floats(_ type: borrowing HDF5Handle, _ size: Int) throws -> HDF5Elements {
        var (sign, exponent, exponentBits, mantissa, mantissaBits) = (0, 0, 0, 0, 0)
        try check(H5Tget_fields(type.id, &sign, &exponent, &exponentBits, &mantissa, &mantissaBits))
        return HDF5Elements(floatsOf: size, exponentBits: exponentBits, mantissaBits: mantissaBits)
    }

    /// h5py stores booleans as an enumeration; any other enumeration is read as its numbers.
    private func enumeration(_ type: borrowing HDF5Handle) throws -> HDF5Elements {
        let base = try own(H5Tget_super(type.id), H5Tclose)
        let elements = try integers(base, H5Tget_size(base.id))
        guard H5Tget_size(base.id) == 1, H5Tget_nmembers(type.id) == 2 else { return elements }
        let names = (UInt32(0)..<2).map { index in
            let name = H5Tget_member_name(type.id, index)
            defer { H5free_memory(name) }
            return name.map { String(cString: $0) }
        }
        return names == ["FALSE", "TRUE"] ? .numbers(.bool) : elements
    }

    private func halfWidthFloat(exponentBits: Int) throws -> HDF5Handle {
        let type = try copy(ferry_h5t_native_float())
        let mantissaBits = 15 - exponentBits
        try check(H5Tset_fields(type.id, 15, mantissaBits, exponentBits, 0, mantissaBits))
        try check(H5Tset_size(type.id, 2))
        try check(H5Tset_ebias(type.id, 1 << (exponentBits - 1) - 1))
        return type
    }

    private func truthValues() throws -> HDF5Handle {
        let type = try own(H5Tenum_create(ferry_h5t_native_int8()), H5Tclose)
        for (name, value) in [("FALSE", 0), ("TRUE", 1)] {
            var value = Int8(value)
            try check(H5Tenum_insert(type.id, name, &value))
        }
        return type
    }

    private func opaque(size: Int) throws -> HDF5Handle { try own(H5Tcreate(H5T_OPAQUE, size), H5Tclose) }

    private func copy(_ type: hid_t) throws -> HDF5Handle { try own(H5Tcopy(type), H5Tclose) }
}

/// A conversion in libhdf5's sense that leaves the bytes of equally long elements as they are.
private let keepBytes: H5T_conv_t = { source, target, state, _, _, _, _, _, _ in
    guard let state, state.pointee.command == H5T_CONV_INIT else { return 0 }
    state.pointee.need_bkg = H5T_BKG_NO
    return H5Tget_size(source) == H5Tget_size(target) ? 0 : -1
}
