import FerryEngine

/// The header of a group, a dataset or a named type: a list of messages.
///
/// See "Data Object Headers" in the HDF5 File Format Specification.
struct HDF5ObjectHeader {
    /// One message of a header.
    struct Message {
        let kind: Kind
        let isShared: Bool
        /// When it was made, where the header counts that.
        let order: Int
        let body: HDF5Cursor
    }

    /// The kinds of messages that matter to a reader.
    enum Kind: Int {
        case null = 0x00, dataspace = 0x01, linkInfo = 0x02, datatype = 0x03, oldFillValue = 0x04, fillValue = 0x05
        case link = 0x06, externalFiles = 0x07, layout = 0x08, bogus = 0x09, groupInfo = 0x0A, filters = 0x0B
        case attribute = 0x0C, comment = 0x0D, oldTime = 0x0E, sharedTable = 0x0F, continuation = 0x10
        case symbolTable = 0x11, time = 0x12, treeSettings = 0x13, driver = 0x14, attributeInfo = 0x15
        case referenceCount = 0x16, freeSpace = 0x17
    }

    /// All messages but continuations, whose targets' messages stand here instead.
    private(set) var messages: [Message] = []
    /// Whether attributes are listed in the order of their making.
    private(set) var tracksAttributeOrder = false
    /// The bytes of all pieces.
    private(set) var byteCount = 0
    private let image: HDF5Image
    /// The pieces still to be read.
    private var pieces: [HDF5Cursor] = []

    init(at address: Int, in image: HDF5Image) throws {
        self.image = image
        let start = try image.cursor(at: address)
        let isNew = start.rest.starts(with: "OHDR".utf8)
        pieces = [isNew ? try newPiece(at: address) : try oldPiece(start)]
        while let piece = pieces.popLast() { try read(piece, isNew: isNew) }
    }

    /// The first message of a kind; where it is shared, the one that it stands for.
    func first(_ kind: Kind) throws -> HDF5Cursor? {
        guard let message = messages.first(where: { $0.kind == kind }) else { return nil }
        guard message.isShared else { return message.body }
        return try Self.shared(message.body, kind)
    }

    func contains(_ kind: Kind) -> Bool { messages.contains { $0.kind == kind } }

    /// The message in another header to which `body` refers.
    static func shared(_ body: HDF5Cursor, _ kind: Kind) throws -> HDF5Cursor {
        var body = body
        let version = try body.byte()
        let place = try body.byte()
        switch version {
        case 1: try body.skip(6)
        case 2: break
        case 3 where place == 2: break
        default: throw HDF5Unknown(what: "a message shared in way \(place)")
        }
        let header = try HDF5ObjectHeader(at: try body.definedAddress(), in: body.image)
        guard let message = header.messages.first(where: { $0.kind == kind }), !message.isShared else {
            throw HDF5Damage.error("a shared message leads nowhere")
        }
        return message.body
    }

    private func oldPiece(_ start: HDF5Cursor) throws -> HDF5Cursor {
        var start = start
        guard try start.byte() == 1 else { throw HDF5Damage.error("an object's header has an unknown version") }
        try start.skip(7)
        let size = try start.integer(4)
        try start.skip(4)
        return try start.structure(size)
    }

    private mutating func newPiece(at address: Int) throws -> HDF5Cursor {
        var start = try image.cursor(at: address)
        try start.expect("OHDR")
        guard try start.byte() == 2 else { throw HDF5Damage.error("an object's header has an unknown version") }
        let flags = try start.byte()
        tracksAttributeOrder = flags & 4 != 0
        try start.skip((flags & 0x20 != 0 ? 16 : 0) + (flags & 0x10 != 0 ? 4 : 0))
        let size = try start.integer(1 << Int(flags & 3))
        let prefix = start.position - address
        _ = try start.structure(size)
        var checked = try image.checkedCursor(at: address, count: prefix + size + 4)
        try checked.skip(prefix)
        return checked
    }

    private mutating func read(_ piece: HDF5Cursor, isNew: Bool) throws {
        var piece = piece
        byteCount += piece.count
        // Pieces do not overlap in any file that was written to be read.
        guard byteCount <= image.bytes.count else { throw HDF5Damage.cycle }
        let prefix = isNew ? (tracksAttributeOrder ? 6 : 4) : 8
        while piece.count >= prefix {
            let number = try piece.integer(isNew ? 1 : 2)
            let size = try piece.integer(2)
            let flags = try piece.byte()
            try piece.skip(isNew ? 0 : 3)
            let order = isNew && tracksAttributeOrder ? try piece.integer(2) : 0
            let body = try piece.structure(size)
            guard let kind = Kind(rawValue: number) else {
                // A reader may pass over what it does not know, unless the message says otherwise.
                guard flags & 0x80 == 0 else { throw HDF5Unknown(what: "message \(number)") }
                continue
            }
            if kind == .continuation {
                pieces.append(try continuation(body, isNew: isNew))
            } else if kind != .null {
                messages.append(Message(kind: kind, isShared: flags & 2 != 0, order: order, body: body))
            }
        }
    }

    private func continuation(_ body: HDF5Cursor, isNew: Bool) throws -> HDF5Cursor {
        var body = body
        let address = try body.definedAddress()
        let size = try body.length()
        guard isNew else { return try image.cursor(at: address, count: size) }
        var piece = try image.checkedCursor(at: address, count: size)
        try piece.expect("OCHK")
        return piece
    }
}
