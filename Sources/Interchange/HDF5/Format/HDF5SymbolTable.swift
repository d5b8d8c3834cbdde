import FerryEngine

/// The members of a group in the older of the two layouts: a tree of nodes with names and addresses.
///
/// See "Version 1 B-trees", "Symbol Table Nodes" and "Local Heaps" in the HDF5 File Format Specification.
struct HDF5SymbolTable {
    private let image: HDF5Image
    private let names: HDF5Cursor
    private var visited = Set<Int>()
    private(set) var links: [HDF5MemberLink] = []

    /// Follows the message that a group's header holds.
    init(_ message: HDF5Cursor) throws {
        var message = message
        image = message.image
        let tree = try message.definedAddress()
        names = try Self.names(in: image, at: try message.definedAddress())
        try readTree(at: tree, level: nil)
    }

    private static func names(in image: HDF5Image, at address: Int) throws -> HDF5Cursor {
        var heap = try image.cursor(at: address)
        try heap.expect("HEAP")
        guard try heap.byte() == 0 else { throw HDF5Damage.error("a heap of names has an unknown version") }
        try heap.skip(3)
        let size = try heap.length()
        _ = try heap.length()
        return try image.cursor(at: try heap.definedAddress(), count: size)
    }

    private mutating func readTree(at address: Int, level expected: Int?) throws {
        guard visited.insert(address).inserted else { throw HDF5Damage.cycle }
        var node = try image.cursor(at: address)
        try node.expect("TREE")
        guard try node.byte() == 0 else { throw HDF5Damage.error("a tree of names is of another kind") }
        let level = Int(try node.byte())
        // Levels that count down to 0 also end the recursion.
        guard level == expected ?? level else { throw HDF5Damage.error("a tree of names has a wrong level") }
        let count = try node.integer(2)
        try node.skip(2 * image.addressSize)
        for _ in 0..<count {
            try node.skip(image.lengthSize)
            let child = try node.definedAddress()
            if level > 0 { try readTree(at: child, level: level - 1) } else { try readNode(at: child) }
        }
    }

    private mutating func readNode(at address: Int) throws {
        guard visited.insert(address).inserted else { throw HDF5Damage.cycle }
        var node = try image.cursor(at: address)
        try node.expect("SNOD")
        guard try node.byte() == 1 else { throw HDF5Damage.error("a node of names has an unknown version") }
        try node.skip(1)
        for _ in 0..<(try node.integer(2)) {
            var name = names
            try name.skip(try node.integer(image.addressSize))
            let header = try node.address()
            let kind = try node.integer(4)
            try node.skip(20)
            let target: HDF5MemberLink.Target =
                if kind == 2 { .soft } else if let header { .object(header) } else { throw HDF5Damage.outside }
            links.append(HDF5MemberLink(name: Array(try name.zeroTerminated()), order: 0, target: target))
        }
    }
}
