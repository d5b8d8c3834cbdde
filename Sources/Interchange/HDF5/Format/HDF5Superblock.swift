import FerryEngine

/// The first structure of a file, which says where the root group is.
///
/// See "Superblock" in the HDF5 File Format Specification, version 3.
struct HDF5Superblock {
    let image: HDF5Image
    /// The address of the root group's header.
    let root: Int

    init(of file: UnsafeRawBufferPointer) throws {
        guard let start = HDF5Signature.offset(in: file) else { throw HDF5Signature.missing(in: file) }
        let bytes = UnsafeRawBufferPointer(rebasing: file[start...])
        guard bytes.count > 48 else { throw HDF5Damage.outside }
        let version = bytes[8]
        let (addressSize, lengthSize) =
            version < 2 ? (Int(bytes[13]), Int(bytes[14])) : (Int(bytes[9]), Int(bytes[10]))
        guard version <= 3 else { throw HDF5Damage.error("the superblock has version \(version)") }
        guard [4, 8].contains(addressSize), [4, 8].contains(lengthSize) else {
            throw FerryError(
                .unsupported, found: "has addresses of \(addressSize) and lengths of \(lengthSize) bytes",
                expected: "Ferry reads 4 and 8")
        }
        image = HDF5Image(bytes: bytes, addressSize: addressSize, lengthSize: lengthSize)
        let fields: HDF5Cursor
        if version < 2 {
            fields = try image.cursor(at: version == 0 ? 24 : 28, count: 6 * addressSize)
        } else {
            var checked = try image.checkedCursor(at: 0, count: 12 + 4 * addressSize + 4)
            try checked.skip(12)
            fields = checked
        }
        root = try Self.root(fields, version: version, available: bytes.count, base: start)
    }

    /// The address of the root group; also makes sure that the file is whole.
    private static func root(_ fields: HDF5Cursor, version: UInt8, available: Int, base: Int) throws -> Int {
        var fields = fields
        let storedBase = try fields.integer(fields.image.addressSize)
        // Free space in old files, an extension in new ones: neither says how to read the objects.
        _ = try fields.address()
        let end = try fields.definedAddress()
        // The end counts from where the superblock believes to be.
        let needed = storedBase <= end ? end - storedBase : end
        guard needed <= available else {
            throw FerryError(
                .damagedFile, found: "is cut off: \(available + base) of \(needed + base) bytes are there",
                remedy: "fetch the file again or save the model again")
        }
        if version >= 2 { return try fields.definedAddress() }
        guard try fields.address() == nil else { throw HDF5Unknown(what: "driver information block") }
        // An entry as in symbol tables: the offset of the name, then the header's address.
        try fields.skip(fields.image.addressSize)
        return try fields.definedAddress()
    }
}
