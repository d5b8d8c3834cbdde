import FerryEngine

/// Finds all chunks of one dataset.
struct HDF5ChunkIndex {
    typealias Chunk = HDF5Chunks.Chunk

    let image: HDF5Image
    let chunks: HDF5Chunks
    /// How many chunks lie along each axis.
    let counts: [Int]
    /// The bytes of a chunk before its filters.
    let chunkSize: Int
    let isFiltered: Bool
    /// How long each axis may become.
    let limits: [Int?]

    /// The chunks that are stored, in any order, and each once.
    func stored() throws -> [Chunk] {
        switch chunks.index {
        case .tree1(let address): try address.map(chunksInOldTree) ?? []
        case .tree2(let address): try address.map(chunksInTree) ?? []
        case .single(let address, let byteCount, let mask):
            address.map {
                [Chunk(position: counts.map { _ in 0 }, address: $0, byteCount: byteCount ?? chunkSize, mask: mask)]
            } ?? []
        case .implicit(let address):
            try address.map { start in
                try numbered { number in
                    guard chunkSize < 1 << 22 || number < 1 << 20 else { throw HDF5Damage.outside }
                    return HDF5ArrayEntry(address: start &+ number * chunkSize)
                }
            } ?? []
        case .fixedArray(let address):
            try address.map { address in
                let array = try HDF5FixedArray(at: address, in: image, isFiltered: isFiltered)
                return try numbered(array.entry)
            } ?? []
        case .extensibleArray(let address):
            try address.map { address in
                let array = try HDF5ExtensibleArray(at: address, in: image, isFiltered: isFiltered)
                return try numbered(array.entry)
            } ?? []
        }
    }

    // MARK: Chunks by number

    /// All chunks inside the array, numbered as if it had its largest extent.
    private func numbered(_ entry: (Int) throws -> HDF5ArrayEntry?) throws -> [Chunk] {
        let strides = try numberStrides()
        guard let total = counts.checkedProduct, total > 0 else { return [] }
        var position = counts.map { _ in 0 }
        var result: [Chunk] = []
        for _ in 0..<total {
            let number = zip(position, strides).reduce(0) { $0 &+ $1.0 &* $1.1 }
            // Far beyond what a file can hold, and small enough to count bytes with.
            guard 0..<(1 << 40) ~= number else { throw HDF5Damage.outside }
            if let entry = try entry(number) {
                result.append(
                    Chunk(
                        position: position, address: entry.address, byteCount: entry.byteCount ?? chunkSize,
                        mask: entry.mask))
            }
            for axis in position.indices.reversed() {
                position[axis] += 1
                if position[axis] < counts[axis] { break }
                position[axis] = 0
            }
        }
        return result
    }

    /// How far apart the numbers of neighbours along each axis are; the unlimited axis counts slowest.
    private func numberStrides() throws -> [Int] {
        var order = Array(counts.indices)
        if let unlimited = limits.firstIndex(of: nil) {
            order.remove(at: unlimited)
            order.insert(unlimited, at: 0)
        }
        var strides = counts
        var stride = 1
        for axis in order.reversed() {
            strides[axis] = stride
            guard let limit = limits[axis] else { break }
            let most = limit / chunks.shape[axis] + (limit % chunks.shape[axis] == 0 ? 0 : 1)
            let product = stride.multipliedReportingOverflow(by: max(most, 1))
            guard !product.overflow else { throw HDF5Damage.outside }
            stride = product.partialValue
        }
        return strides
    }

    // MARK: Chunks by position

    private func chunksInTree(at address: Int) throws -> [Chunk] {
        var tree = try HDF5Tree(at: address, in: image, recordKind: isFiltered ? 11 : 10)
        let sizeWidth = tree.recordSize - image.addressSize - 4 - 8 * counts.count
        guard isFiltered ? 1...8 ~= sizeWidth : sizeWidth == -4 else { throw HDF5Damage.outside }
        var found = HDF5ChunkSet(counts)
        try tree.forEachRecord { record in
            var record = record
            let address = try record.definedAddress()
            let byteCount = isFiltered ? try record.integer(sizeWidth) : chunkSize
            let mask = isFiltered ? try record.integer(4) : 0
            let position = try counts.map { _ in try record.integer(8) }
            try found.insert(Chunk(position: position, address: address, byteCount: byteCount, mask: mask))
        }
        return found.chunks
    }

    private func chunksInOldTree(at address: Int) throws -> [Chunk] {
        var found = HDF5ChunkSet(counts)
        var visited = Set<Int>()
        try visit(address, level: nil, &visited, &found)
        return found.chunks
    }

    private func visit(
        _ address: Int, level expected: Int?, _ visited: inout Set<Int>, _ found: inout HDF5ChunkSet
    ) throws {
        guard visited.insert(address).inserted else { throw HDF5Damage.cycle }
        var node = try image.cursor(at: address)
        try node.expect("TREE")
        guard try node.byte() == 1 else { throw HDF5Damage.error("a tree of chunks is of another kind") }
        let level = Int(try node.byte())
        guard level == expected ?? level else { throw HDF5Damage.error("a tree of chunks has a wrong level") }
        let count = try node.integer(2)
        try node.skip(2 * image.addressSize)
        for _ in 0..<count {
            let (byteCount, mask) = (try node.integer(4), try node.integer(4))
            let offsets = try counts.map { _ in try node.integer(8) }
            try node.skip(8)
            let child = try node.definedAddress()
            guard level == 0 else {
                try visit(child, level: level - 1, &visited, &found)
                continue
            }
            guard zip(offsets, chunks.shape).allSatisfy({ $0 % $1 == 0 }) else {
                throw HDF5Damage.error("a chunk lies between two places")
            }
            let position = zip(offsets, chunks.shape).map { $0 / $1 }
            try found.insert(Chunk(position: position, address: child, byteCount: byteCount, mask: mask))
        }
    }
}

/// Chunks inside an array, each place once.
private struct HDF5ChunkSet {
    private(set) var chunks: [HDF5Chunks.Chunk] = []
    private let counts: [Int]
    private var places = Set<Int>()

    init(_ counts: [Int]) { self.counts = counts }

    mutating func insert(_ chunk: HDF5Chunks.Chunk) throws {
        guard zip(chunk.position, counts).allSatisfy({ $0 < $1 }) else { return }
        // Row-major; the number of chunks is known not to overflow.
        let place = zip(chunk.position, counts).reduce(0) { $0 * $1.1 + $1.0 }
        guard places.insert(place).inserted else { throw HDF5Damage.error("two chunks lie in one place") }
        chunks.append(chunk)
    }
}
