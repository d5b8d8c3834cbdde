import FerryEngine

/// An attribute as it lies in the file.
struct HDF5StoredAttribute {
    /// The name for people; what is not UTF-8 is replaced.
    let name: String
    /// The name's bytes, by which attributes are sorted.
    let sortKey: [UInt8]
    let type: HDF5Cursor
    let space: HDF5Cursor
    let elements: HDF5Cursor

    init(_ message: HDF5Cursor) throws {
        var message = message
        let version = try message.byte()
        guard 1...3 ~= version else { throw HDF5Damage.error("an attribute has version \(version)") }
        let flags = try message.byte()
        let sizes = try (0..<3).map { _ in try message.integer(2) }
        if version == 3 { try message.skip(1) }
        let parts = try sizes.map { size in
            let part = try message.structure(size)
            if version == 1 { try message.skip((8 - size % 8) % 8) }
            return part
        }
        sortKey = Array(parts[0].rest.prefix { $0 != 0 })
        name = String(decoding: sortKey, as: UTF8.self)
        type = version > 1 && flags & 1 != 0 ? try HDF5ObjectHeader.shared(parts[1], .datatype) : parts[1]
        space = version > 1 && flags & 2 != 0 ? try HDF5ObjectHeader.shared(parts[2], .dataspace) : parts[2]
        elements = message
    }
}
