import FerryEngine

/// Where links or attributes lie that are too many for their object's header.
struct HDF5MemberIndex {
    /// Whether they are listed in the order of their making.
    let tracksOrder: Bool
    private let heap: Int?
    private let names: Int?
    private let image: HDF5Image

    /// Reads a "Link Info" or an "Attribute Info" message.
    init(_ body: HDF5Cursor, orderSize: Int) throws {
        var body = body
        image = body.image
        guard try body.byte() == 0 else { throw HDF5Damage.error("an index of members has an unknown version") }
        let flags = try body.byte()
        tracksOrder = flags & 1 != 0
        if tracksOrder { try body.skip(orderSize) }
        heap = try body.address()
        names = try body.address()
    }

    /// The link messages in the index.
    func links() throws -> [HDF5MemberLink] {
        var links: [HDF5MemberLink] = []
        try forEachObject(recordKind: 5) { record, heap in
            try record.skip(4)
            links.append(try HDF5MemberLink(try heap.object(record.rest)))
        }
        return links
    }

    /// The attribute messages in the index, each with the number that orders them.
    func attributes() throws -> [(order: Int, message: HDF5Cursor)] {
        var attributes: [(order: Int, message: HDF5Cursor)] = []
        try forEachObject(recordKind: 8) { record, heap in
            let identifier = try record.take(8)
            guard try record.byte() & 2 == 0 else { throw HDF5Unknown(what: "shared attributes") }
            attributes.append((try record.integer(4), try heap.object(identifier)))
        }
        return attributes
    }

    private func forEachObject(
        recordKind: UInt8, _ body: (inout HDF5Cursor, inout HDF5FractalHeap) throws -> Void
    ) throws {
        guard let heap, let names else { return }
        var objects = try HDF5FractalHeap(at: heap, in: image)
        var tree = try HDF5Tree(at: names, in: image, recordKind: recordKind)
        try tree.forEachRecord { record in
            var record = record
            try body(&record, &objects)
        }
    }
}
