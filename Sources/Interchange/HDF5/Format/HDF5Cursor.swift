import FerryEngine

/// The bytes of a file that is being read, from its signature on, which is where addresses count from.
struct HDF5Image {
    let bytes: UnsafeRawBufferPointer
    /// The bytes of an address, 4 or 8.
    let addressSize: Int
    /// The bytes of a length, 4 or 8.
    let lengthSize: Int

    /// The bytes from `address` on; where `count` is nil, to the end of the file.
    func cursor(at address: Int, count: Int? = nil) throws -> HDF5Cursor {
        let count = count ?? bytes.count - address
        guard address >= 0, count >= 0, address <= bytes.count, count <= bytes.count - address else {
            throw HDF5Damage.outside
        }
        return HDF5Cursor(image: self, position: address, end: address + count)
    }

    /// The structure of `count` bytes at `address` without its last four, which are the checksum of the others.
    func checkedCursor(at address: Int, count: Int) throws -> HDF5Cursor {
        var cursor = try cursor(at: address, count: count)
        let content = try cursor.take(count - 4)
        guard try UInt32(cursor.integer(4)) == HDF5Checksum.lookup3(content) else { throw HDF5Damage.checksum }
        return HDF5Cursor(image: self, position: address, end: address + count - 4)
    }
}

/// Reads little-endian numbers one after the other, never beyond the end of its structure.
struct HDF5Cursor {
    let image: HDF5Image
    private(set) var position: Int
    let end: Int

    /// How many bytes are left.
    var count: Int { end - position }

    /// The next `count` bytes.
    mutating func take(_ count: Int) throws -> UnsafeRawBufferPointer {
        guard count >= 0, count <= self.count else { throw HDF5Damage.outside }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: image.bytes[position..<(position + count)])
    }

    /// A cursor over the next `count` bytes, which are skipped.
    mutating func structure(_ count: Int) throws -> HDF5Cursor {
        let start = position
        _ = try take(count)
        return HDF5Cursor(image: image, position: start, end: position)
    }

    mutating func skip(_ count: Int) throws { _ = try take(count) }

    mutating func byte() throws -> UInt8 { try take(1)[0] }

    /// An unsigned number of up to eight bytes that fits an `Int`.
    mutating func integer(_ size: Int) throws -> Int {
        let bits = try bits(size)
        guard let number = Int(exactly: bits) else { throw HDF5Damage.outside }
        return number
    }

    /// An address; nil where it is the undefined one.
    mutating func address() throws -> Int? {
        let bits = try bits(image.addressSize)
        if bits == UInt64.max >> (64 - 8 * image.addressSize) { return nil }
        guard let address = Int(exactly: bits) else { throw HDF5Damage.outside }
        return address
    }

    /// An address that must not be the undefined one.
    mutating func definedAddress() throws -> Int {
        guard let address = try address() else { throw HDF5Damage.outside }
        return address
    }

    mutating func length() throws -> Int { try integer(image.lengthSize) }

    /// The length of an axis; nil where it is unlimited.
    mutating func limit() throws -> Int? {
        let bits = try bits(image.lengthSize)
        return bits == UInt64.max >> (64 - 8 * image.lengthSize) ? nil : Int(clamping: bits)
    }

    mutating func expect(_ signature: StaticString) throws {
        let found = try take(signature.utf8CodeUnitCount)
        let bytes = UnsafeBufferPointer(start: signature.utf8Start, count: signature.utf8CodeUnitCount)
        guard found.elementsEqual(bytes) else { throw HDF5Damage.signature("\(signature)") }
    }

    /// The bytes up to the next zero, which is skipped.
    mutating func zeroTerminated() throws -> UnsafeRawBufferPointer {
        guard let zero = image.bytes[position..<end].firstIndex(of: 0) else { throw HDF5Damage.outside }
        defer { position = zero + 1 }
        return UnsafeRawBufferPointer(rebasing: image.bytes[position..<zero])
    }

    /// The bytes that are left.
    var rest: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: image.bytes[position..<end]) }

    private mutating func bits(_ size: Int) throws -> UInt64 {
        try take(size).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }
}

/// What is wrong with the structure of a file.
enum HDF5Damage {
    /// A structure reaches beyond its end or the file's, or a number in it is too large for one.
    static let outside = error("a structure reaches beyond its end")
    /// A structure is not what its checksum was made of.
    static let checksum = error("a checksum does not fit")
    /// A structure is met for the second time on the way to one object.
    static let cycle = error("a structure contains itself")

    static func signature(_ expected: String) -> FerryError { error("'\(expected)' is not where it should be") }

    static func error(_ found: String) -> FerryError {
        FerryError(
            .damagedFile, found: "is damaged (\(found))", remedy: "fetch the file again or save the model again")
    }
}

/// A structure that is no damage and that only libhdf5 reads.
struct HDF5Unknown: Error {
    let what: String
}
