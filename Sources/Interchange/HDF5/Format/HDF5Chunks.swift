import FerryEngine

/// The pieces of a dataset, and the index in which they are found.
struct HDF5Chunks {
    /// The length of a chunk along each axis.
    let shape: [Int]
    /// The bytes of an element.
    let elementSize: Int
    let index: Index
    /// Whether chunks that reach beyond the array are stored without filters.
    let edgesAreUnfiltered: Bool

    /// The ways to find a chunk; each holds the address of its structure, nil before the first chunk is written.
    enum Index {
        case tree1(Int?)
        case single(Int?, byteCount: Int?, mask: Int)
        case implicit(Int?)
        case fixedArray(Int?)
        case extensibleArray(Int?)
        case tree2(Int?)
    }

    /// One chunk, as the index knows it.
    struct Chunk {
        /// Which chunk along each axis.
        let position: [Int]
        let address: Int
        /// The bytes in the file.
        let byteCount: Int
        /// The filters that were left out.
        let mask: Int
    }

    /// Reads a layout message behind its class.
    init(_ layout: inout HDF5Cursor, version: UInt8) throws {
        let flags = version == 4 ? try layout.byte() : 0
        edgesAreUnfiltered = flags & 1 != 0
        let rank = Int(try layout.byte())
        guard 2...33 ~= rank else { throw HDF5Damage.error("chunks have \(rank - 1) axes") }
        let lengths: [Int]
        if version == 3 {
            let address = try layout.address()
            lengths = try (0..<rank).map { _ in try layout.integer(4) }
            index = .tree1(address)
        } else {
            let width = Int(try layout.byte())
            lengths = try (0..<rank).map { _ in try layout.integer(width) }
            index = try Self.index(&layout, isFiltered: flags & 2 != 0)
        }
        guard lengths.allSatisfy({ $0 > 0 }) else { throw HDF5Damage.error("chunks have no length") }
        shape = Array(lengths.dropLast())
        elementSize = lengths[rank - 1]
    }

    private static func index(_ layout: inout HDF5Cursor, isFiltered: Bool) throws -> Index {
        switch try layout.byte() {
        case 1:
            let byteCount = isFiltered ? try layout.length() : nil
            let mask = isFiltered ? try layout.integer(4) : 0
            return .single(try layout.address(), byteCount: byteCount, mask: mask)
        case 2: return .implicit(try layout.address())
        case 3:
            try layout.skip(1)
            return .fixedArray(try layout.address())
        case 4:
            try layout.skip(5)
            return .extensibleArray(try layout.address())
        case 5:
            try layout.skip(6)
            return .tree2(try layout.address())
        case let kind: throw HDF5Damage.error("chunks are found in way \(kind)")
        }
    }
}
