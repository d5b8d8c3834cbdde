import FerryEngine

/// A tree of records of one size, each kind of which its user knows how to read.
///
/// See "Version 2 B-trees" in the HDF5 File Format Specification.
struct HDF5Tree {
    /// The bytes of one record.
    let recordSize: Int
    private let image: HDF5Image
    private let kind: UInt8
    private let nodeSize: Int
    private let depth: Int
    private let root: (address: Int?, count: Int)
    private var visited = Set<Int>()

    // Signature, version, kind and checksum.
    private static let overhead = 10

    init(at address: Int, in image: HDF5Image, recordKind: UInt8) throws {
        self.image = image
        var header = try image.checkedCursor(
            at: address, count: 22 + image.addressSize + image.lengthSize)
        try header.expect("BTHD")
        guard try header.byte() == 0 else { throw HDF5Damage.error("a tree has an unknown version") }
        kind = try header.byte()
        guard kind == recordKind else { throw HDF5Damage.error("a tree is of another kind") }
        nodeSize = try header.integer(4)
        recordSize = try header.integer(2)
        depth = try header.integer(2)
        try header.skip(2)
        root = (try header.address(), try header.integer(2))
        guard recordSize > 0, nodeSize > Self.overhead + recordSize, depth <= 16 else {
            throw HDF5Damage.error("a tree has impossible measures")
        }
    }

    /// Calls `body` with each record.
    mutating func forEachRecord(_ body: (HDF5Cursor) throws -> Void) throws {
        guard let address = root.address, root.count > 0 else { return }
        try visit(address, count: root.count, levels: try measures(), body)
    }

    /// The sizes of a pointer's two counts in the nodes above each level, from the leaves up.
    private func measures() throws -> [(count: Int, total: Int)] {
        let most = (nodeSize - Self.overhead) / recordSize
        var (total, totalSize) = (most, 0)
        return try (0..<depth).map { _ in
            let sizes = (count: Self.bytes(toHold: most), total: totalSize)
            let pointer = image.addressSize + sizes.count + sizes.total
            let (here, below) = ((nodeSize - Self.overhead - pointer) / (recordSize + pointer), total)
            guard here > 0, let product = [here + 1, below].checkedProduct, product < .max - here else {
                throw HDF5Damage.error("a tree has impossible measures")
            }
            total = product + here
            totalSize = Self.bytes(toHold: total)
            return sizes
        }
    }

    private mutating func visit(
        _ address: Int, count: Int, levels: [(count: Int, total: Int)], _ body: (HDF5Cursor) throws -> Void
    ) throws {
        guard visited.insert(address).inserted else { throw HDF5Damage.cycle }
        let pointers = levels.last.map { image.addressSize + $0.count + $0.total }
        let size = Self.overhead + count * recordSize + (count + 1) * (pointers ?? 0)
        guard size <= nodeSize else { throw HDF5Damage.outside }
        var node = try image.checkedCursor(at: address, count: size)
        try node.expect(pointers == nil ? "BTLF" : "BTIN")
        guard try node.byte() == 0, try node.byte() == kind else {
            throw HDF5Damage.error("a tree's node is of another kind")
        }
        for _ in 0..<count { try body(try node.structure(recordSize)) }
        guard let level = levels.last else { return }
        for _ in 0...count {
            let child = try node.definedAddress()
            let childCount = try node.integer(level.count)
            try node.skip(level.total)
            try visit(child, count: childCount, levels: levels.dropLast(), body)
        }
    }

    private static func bytes(toHold number: Int) -> Int { (63 - number.leadingZeroBitCount) / 8 + 1 }
}
