import FerryEngine

/// The bytes of a pickle, read one after another and never beyond their end.
struct PickleReader {
    private let bytes: [UInt8]
    /// The place of the next byte.
    private(set) var position: Int

    /// Reads `bytes` from `start` on.
    init(_ bytes: [UInt8], from start: Int = 0) {
        self.bytes = bytes
        position = start
    }

    /// How many bytes are left.
    var rest: Int { bytes.count - position }

    /// The next byte.
    mutating func byte() throws -> UInt8 { try take(1).first ?? 0 }

    /// The next `count` bytes.
    mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
        guard count >= 0, count <= rest else {
            throw FerryError(
                .damagedFile, at: ["byte \(position)"], found: "\(count) bytes are announced and \(rest) are left",
                expected: "a whole file", remedy: "save or download it again")
        }
        defer { position += count }
        return bytes[position..<(position + count)]
    }

    /// The next `width` bytes as a little-endian number; one of eight bytes beyond the range of `Int` is refused.
    mutating func unsigned(_ width: Int) throws -> Int {
        let place = position
        let value = try take(width).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard let result = Int(exactly: value) else {
            throw FerryError(.damagedFile, at: ["byte \(place)"], found: "a length of \(value)")
        }
        return result
    }

    /// The next `width` bytes as a little-endian number in two's complement, of at most eight bytes.
    mutating func signed(_ width: Int) throws -> Int {
        let digits = try take(width)
        guard let highest = digits.last else { return 0 }
        let start: UInt64 = highest & 0x80 == 0 ? 0 : .max
        return Int(truncatingIfNeeded: digits.reversed().reduce(start) { $0 << 8 | UInt64($1) })
    }

    /// The bytes up to the next line break, as text.
    mutating func line() throws -> String {
        guard let end = bytes[position...].prefix(Self.longestLine).firstIndex(of: UInt8(ascii: "\n")) else {
            throw FerryError(.damagedFile, at: ["byte \(position)"], found: "a name without an end")
        }
        defer { position = end + 1 }
        return String(decoding: bytes[position..<end], as: UTF8.self)
    }

    /// The next `count` bytes as text.
    mutating func text(_ count: Int) throws -> String {
        let place = position
        guard let text = String(validating: try take(count), as: UTF8.self) else {
            throw FerryError(.damagedFile, at: ["byte \(place)"], found: "text that is not UTF-8")
        }
        return text
    }

    private static let longestLine = 4096
}
