import FerryEngine

/// The shape of an array.
struct HDF5Dataspace {
    /// The length of each axis; nil for an array without elements.
    let shape: [Int]?
    /// How long each axis may become; nil where it is unlimited.
    let limits: [Int?]

    init(_ body: HDF5Cursor) throws {
        var body = body
        let version = try body.byte()
        guard version == 1 || version == 2 else { throw HDF5Damage.error("a shape has version \(version)") }
        let rank = Int(try body.byte())
        let flags = try body.byte()
        let kind = try body.byte()
        if version == 1 { try body.skip(4) }
        guard rank <= 32 else { throw HDF5Damage.error("an array has \(rank) axes") }
        if version == 2, kind == 2 {
            (shape, limits) = (nil, [])
            return
        }
        let lengths = try (0..<rank).map { _ in try body.length() }
        shape = lengths
        limits = flags & 1 != 0 ? try (0..<rank).map { _ in try body.limit() } : lengths
    }
}
