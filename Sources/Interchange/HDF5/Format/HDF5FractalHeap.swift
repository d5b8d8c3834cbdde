import FerryEngine

/// Where a group keeps many links, or an object many attributes: blocks that double in size from row to row.
///
/// See "Fractal Heap" in the HDF5 File Format Specification.
struct HDF5FractalHeap {
    private let image: HDF5Image
    private let width: Int
    private let firstBlockSize: Int
    private let largestDirectBlock: Int
    private let offsetSize: Int
    private let lengthSize: Int
    private let root: (address: Int?, rows: Int)
    /// Objects too large for a block, by number.
    private let hugeObjects: [Int: HDF5Cursor]
    private let identifierSize: Int
    /// The blocks whose checksums fit.
    private var checked = Set<Int>()

    init(at address: Int, in image: HDF5Image) throws {
        self.image = image
        let (a, l) = (image.addressSize, image.lengthSize)
        var header = try image.checkedCursor(at: address, count: 26 + 3 * a + 12 * l)
        try header.expect("FRHP")
        guard try header.byte() == 0 else { throw HDF5Damage.error("a heap has an unknown version") }
        identifierSize = try header.integer(2)
        guard try header.integer(2) == 0 else { throw HDF5Unknown(what: "a packed heap") }
        try header.skip(1)
        let largestObject = try header.integer(4)
        try header.skip(l)
        hugeObjects = try header.address().map { try Self.hugeObjects(at: $0, in: image) } ?? [:]
        try header.skip(l + a + 8 * l)
        width = try header.integer(2)
        firstBlockSize = try header.length()
        largestDirectBlock = try header.length()
        let bits = try header.integer(2)
        try header.skip(2)
        root = (try header.address(), try header.integer(2))
        guard width > 0, firstBlockSize.isPowerOfTwo, largestDirectBlock.isPowerOfTwo, width.isPowerOfTwo, width <= 256,
            firstBlockSize <= largestDirectBlock, largestDirectBlock <= 1 << 31, 1...62 ~= bits, largestObject > 0
        else { throw HDF5Damage.error("a heap has impossible measures") }
        offsetSize = (bits + 7) / 8
        lengthSize = min((largestDirectBlock.log2 + 7) / 8, largestObject.log2 / 8 + 1)
    }

    /// The object with this identifier.
    mutating func object(_ identifier: UnsafeRawBufferPointer) throws -> HDF5Cursor {
        guard identifier.count == identifierSize, identifierSize > offsetSize + lengthSize else {
            throw HDF5Damage.outside
        }
        switch identifier[0] >> 4 & 3 {
        case 0:
            let offset = Self.integer(identifier[1..<(1 + offsetSize)])
            let length = Self.integer(identifier[(1 + offsetSize)..<(1 + offsetSize + lengthSize)])
            return try managedObject(at: offset, length: length)
        case 1: return try hugeObject(identifier)
        default: throw HDF5Unknown(what: "tiny objects in a heap")
        }
    }

    private mutating func managedObject(at offset: Int, length: Int) throws -> HDF5Cursor {
        guard let address = root.address else { throw HDF5Damage.outside }
        guard root.rows > 0 else {
            return try object(inBlockAt: address, size: firstBlockSize, offset: offset, length: length)
        }
        return try object(under: address, rows: root.rows, offset: offset, length: length)
    }

    /// Looks in an indirect block, of whose part of the heap `offset` counts.
    private mutating func object(under address: Int, rows: Int, offset: Int, length: Int) throws -> HDF5Cursor {
        let row = offset < width * firstBlockSize ? 0 : (offset / (width * firstBlockSize)).log2 + 1
        let directRows = min(rows, largestDirectBlock.log2 - firstBlockSize.log2 + 2)
        guard row < rows, rows <= 64 else { throw HDF5Damage.outside }
        let blockSize = firstBlockSize << max(row - 1, 0)
        let rowStart = row == 0 ? 0 : width * blockSize
        let column = (offset - rowStart) / blockSize
        let entries = rows * width
        let prefix = 5 + image.addressSize + offsetSize
        let size = prefix + entries * image.addressSize + 4
        if checked.insert(address).inserted { _ = try image.checkedCursor(at: address, count: size) }
        var block = try image.cursor(at: address, count: size)
        try block.expect("FHIB")
        try block.skip(prefix - 4 + (row * width + column) * image.addressSize)
        let child = try block.definedAddress()
        let inside = offset - rowStart - column * blockSize
        if row < directRows { return try object(inBlockAt: child, size: blockSize, offset: inside, length: length) }
        let childRows = blockSize.log2 - firstBlockSize.log2 - width.log2 + 1
        // Each step down loses rows, which also ends the recursion.
        guard childRows > 0, childRows < row else { throw HDF5Damage.outside }
        return try object(under: child, rows: childRows, offset: inside, length: length)
    }

    private func object(inBlockAt address: Int, size: Int, offset: Int, length: Int) throws -> HDF5Cursor {
        var block = try image.cursor(at: address, count: size)
        try block.expect("FHDB")
        guard offset >= 5 + image.addressSize + offsetSize, length <= size, offset <= size - length else {
            throw HDF5Damage.outside
        }
        return try image.cursor(at: address + offset, count: length)
    }

    private func hugeObject(_ identifier: UnsafeRawBufferPointer) throws -> HDF5Cursor {
        // Longer identifiers hold the address itself.
        guard identifierSize <= image.addressSize + image.lengthSize else {
            throw HDF5Unknown(what: "huge objects in a heap")
        }
        guard let object = hugeObjects[Self.integer(identifier[1..<min(identifierSize, 9)])] else {
            throw HDF5Damage.outside
        }
        return object
    }

    private static func hugeObjects(at address: Int, in image: HDF5Image) throws -> [Int: HDF5Cursor] {
        var objects: [Int: HDF5Cursor] = [:]
        var tree = try HDF5Tree(at: address, in: image, recordKind: 1)
        guard tree.recordSize == image.addressSize + 2 * image.lengthSize else { throw HDF5Damage.outside }
        try tree.forEachRecord { record in
            var record = record
            let (address, length) = (try record.definedAddress(), try record.length())
            objects[try record.length()] = try image.cursor(at: address, count: length)
        }
        return objects
    }

    private static func integer(_ bytes: Slice<UnsafeRawBufferPointer>) -> Int {
        Int(truncatingIfNeeded: bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) } & UInt64(Int.max))
    }
}

extension Int {
    fileprivate var isPowerOfTwo: Bool { self > 0 && self & (self - 1) == 0 }

    /// The logarithm of a positive number, rounded down.
    fileprivate var log2: Int { 63 - leadingZeroBitCount }
}
