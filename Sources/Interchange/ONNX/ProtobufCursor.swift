/// A place in bytes of protobuf's wire format that steps over fields without trusting their lengths.
struct ProtobufCursor {
    private let bytes: UnsafeRawBufferPointer
    /// The offset of the next byte.
    private(set) var position = 0

    /// The beginning of `bytes`.
    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// How the bytes of a field are laid out.
    enum Layout: UInt64 {
        case variable = 0
        case eightBytes = 1
        case measured = 2
        case fourBytes = 5
    }

    /// The number and layout of the field that begins here; nil where nothing of that kind does.
    mutating func field(before end: Int) -> (number: UInt32, layout: Layout)? {
        guard let key = varint(before: end), key <= UInt32.max, key >> 3 > 0 else { return nil }
        return Layout(rawValue: key & 7).map { (UInt32(key >> 3), $0) }
    }

    /// A number of one to ten bytes; nil where it runs past `end`.
    mutating func varint(before end: Int) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 70, by: 7) where position < end {
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte < 0x80 { return value }
        }
        return nil
    }

    /// Steps over `count` bytes and returns them; nil where fewer are left.
    mutating func skip(_ count: UInt64, before end: Int) -> UnsafeRawBufferPointer? {
        guard count <= UInt64(end - position) else { return nil }
        defer { position += Int(count) }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + Int(count)])
    }
}
