import FerryEngine

/// The texts of various lengths in a file.
///
/// They lie in collections of objects, and an attribute or a dataset holds the address of a collection and a number
/// in it. libhdf5 follows these references without checking them and crashes on damaged ones, so this type does it.
///
/// See "Global Heap" in the HDF5 File Format Specification.
struct HDF5GlobalHeap {
    /// The bytes of one reference: a length, an address and a number.
    let referenceSize: Int
    /// The file from its signature on, where addresses count from.
    private let bytes: UnsafeRawBufferPointer
    private let addressSize: Int
    private let lengthSize: Int
    private var collections: [Int: [Int: Range<Int>]] = [:]
    private var objectsLeft: Int
    private var textLeft: Int

    // Both the header of a collection and that of an object, for lengths of 4 and of 8 bytes.
    private static let headerSize = 16

    init(of file: UnsafeRawBufferPointer, addressSize: Int, lengthSize: Int) throws {
        guard [4, 8].contains(addressSize), [4, 8].contains(lengthSize),
            let start = HDF5Signature.offset(in: file)
        else {
            throw FerryError(.unsupported, found: "has addresses of \(addressSize) and lengths of \(lengthSize) bytes")
        }
        bytes = UnsafeRawBufferPointer(rebasing: file[start...])
        self.addressSize = addressSize
        self.lengthSize = lengthSize
        referenceSize = 8 + addressSize
        // Collections do not overlap and texts are not shared in any file that was written to be read.
        objectsLeft = bytes.count / Self.headerSize
        textLeft = bytes.count
    }

    /// The texts that these references lead to.
    mutating func texts(of references: UnsafeRawBufferPointer) throws -> [String] {
        try stride(from: 0, to: references.count, by: referenceSize).map { start in
            let length = integer(in: references, at: start, 4)
            let address = integer(in: references, at: start + 4, addressSize)
            let number = integer(in: references, at: start + 4 + addressSize, 4)
            guard let length, let address, let number else { throw Self.damaged }
            return length == 0 || address == 0 ? "" : try text(length, number, inCollectionAt: address)
        }
    }

    private mutating func text(_ length: Int, _ number: Int, inCollectionAt address: Int) throws -> String {
        guard let object = try collection(at: address)[number], length <= object.count else { throw Self.damaged }
        textLeft -= length
        guard textLeft >= 0 else {
            throw FerryError(.damagedFile, found: "claims more text than the file has bytes")
        }
        let text = bytes[object].prefix(length)
        return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
    }

    private mutating func collection(at address: Int) throws -> [Int: Range<Int>] {
        if let known = collections[address] { return known }
        guard address <= bytes.count - Self.headerSize, bytes[address...].starts(with: "GCOL\u{1}".utf8),
            let size = integer(in: bytes, at: address + 8, lengthSize), size <= bytes.count - address
        else { throw Self.damaged }
        let objects = try objects(in: address..<(address + size))
        collections[address] = objects
        return objects
    }

    private mutating func objects(in collection: Range<Int>) throws -> [Int: Range<Int>] {
        var objects: [Int: Range<Int>] = [:]
        var position = collection.lowerBound + Self.headerSize
        while position + Self.headerSize <= collection.upperBound {
            let content = position + Self.headerSize
            guard let number = integer(in: bytes, at: position, 2), objectsLeft > 0,
                let size = integer(in: bytes, at: position + 8, lengthSize)
            else { throw Self.damaged }
            // Number 0 is the free space, which lies at the end.
            if number == 0 { break }
            guard size <= collection.upperBound - content else { throw Self.damaged }
            objects[number] = content..<(content + size)
            objectsLeft -= 1
            position = content + (size + 7) / 8 * 8
        }
        return objects
    }

    /// A little-endian number, or nil where it is not inside or too large for an address.
    private func integer(in bytes: UnsafeRawBufferPointer, at start: Int, _ size: Int) -> Int? {
        guard start >= 0, start <= bytes.count - size else { return nil }
        return Int(exactly: bytes[start..<(start + size)].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }

    private static let damaged = FerryError(
        .damagedFile, found: "is damaged (a reference to text leads nowhere)",
        remedy: "fetch the file again or save the model again")
}
