import FerryEngine

/// A member of a group: a name and what it stands for.
struct HDF5MemberLink {
    enum Target {
        /// The object whose header is at this address.
        case object(Int)
        case soft, external
        case other(Int)
    }

    /// The name's bytes, which need not be UTF-8.
    let name: [UInt8]
    /// When it was made, where the group counts that.
    let order: Int
    let target: Target

    init(name: [UInt8], order: Int, target: Target) {
        self.name = name
        self.order = order
        self.target = target
    }

    /// Reads a link message.
    init(_ body: HDF5Cursor) throws {
        var body = body
        guard try body.byte() == 1 else { throw HDF5Damage.error("a link has an unknown version") }
        let flags = try body.byte()
        let kind = flags & 8 != 0 ? Int(try body.byte()) : 0
        order = flags & 4 != 0 ? try body.integer(8) : 0
        if flags & 16 != 0 { try body.skip(1) }
        let length = try body.integer(1 << Int(flags & 3))
        name = Array(try body.take(length))
        guard !name.isEmpty, !name.contains(0) else { throw HDF5Damage.error("a link has no possible name") }
        target =
            switch kind {
            case 0: .object(try body.definedAddress())
            case 1: .soft
            case 64: .external
            default: .other(kind)
            }
    }
}
