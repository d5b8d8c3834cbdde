import FerryEngine

/// The header of one saved array.
struct NPYHeader: Equatable {
    /// The element type, as NumPy spells it.
    var descr: String
    /// Whether the first axis varies fastest.
    var isFortranOrder = false
    /// The length of each axis.
    var shape: [Int]

    private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

    /// The header at the beginning of a file, and where the elements begin.
    static func read(_ bytes: UnsafeRawBufferPointer) throws -> (NPYHeader, start: Int) {
        guard bytes.starts(with: magic), bytes.count >= 10 else {
            throw FerryError(
                .numpy, found: "is not a NumPy array file", expected: "the first bytes of one are \\x93NUMPY")
        }
        let version = bytes[6]
        guard 1...3 ~= version, bytes[7] == 0 else {
            throw FerryError(
                .numpy, found: "has format version \(version).\(bytes[7])", expected: "Ferry reads 1.0, 2.0 and 3.0")
        }
        let start = version == 1 ? 10 : 12
        guard bytes.count >= start else { throw cutShort(start - bytes.count) }
        let length = bytes[8..<start].reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length <= bytes.count - start else { throw cutShort(start + length - bytes.count) }
        var literal = PythonLiteral(bytes[start..<(start + length)])
        return (try locating("header") { try literal.header() }, start + length)
    }

    /// Magic, version 1.0, and the dictionary padded as `numpy.save` pads it.
    var encoded: [UInt8] {
        // NumPy leaves room for the first axis to grow to 21 digits.
        let growth = shape.first.map { 21 - String($0).count } ?? 0
        let axes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
        let text =
            "{'descr': '\(descr)', 'fortran_order': \(isFortranOrder ? "True" : "False"), 'shape': (\(axes)), }"
            + String(repeating: " ", count: growth)
        let padding = 64 - (10 + text.utf8.count + 1) % 64
        let length = text.utf8.count + padding + 1
        return Self.magic + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + text.utf8
            + [UInt8](repeating: UInt8(ascii: " "), count: padding) + [UInt8(ascii: "\n")]
    }

    private static func cutShort(_ missing: Int) -> FerryError {
        FerryError(.numpy, found: "ends inside its header", expected: "\(missing) more bytes")
    }
}

/// Reads the one Python dictionary that a header is.
private struct PythonLiteral {
    private var rest: Slice<UnsafeRawBufferPointer>

    init(_ bytes: Slice<UnsafeRawBufferPointer>) { rest = bytes }

    mutating func header() throws -> NPYHeader {
        var descr: String?
        var isFortranOrder: Bool?
        var shape: [Int]?
        try expect("{")
        while !take("}") {
            let key = try string()
            try expect(":")
            switch key {
            case "descr" where descr == nil: descr = try elementType()
            case "fortran_order" where isFortranOrder == nil: isFortranOrder = try boolean()
            case "shape" where shape == nil: shape = try tuple()
            default: throw FerryError(.numpy, found: "key '\(key)' is unknown or given twice")
            }
            if !take(",") {
                try expect("}")
                break
            }
        }
        guard rest.allSatisfy(isSpace) else { throw unexpected("spaces to the end") }
        guard let descr, let isFortranOrder, let shape else {
            throw FerryError(.numpy, found: "lacks one of 'descr', 'fortran_order' and 'shape'")
        }
        return NPYHeader(descr: descr, isFortranOrder: isFortranOrder, shape: shape)
    }

    private mutating func elementType() throws -> String {
        skipSpace()
        guard let first = rest.first, first != UInt8(ascii: "["), first != UInt8(ascii: "(") else {
            throw FerryError(
                .numpy, found: "holds structured records", expected: "Ferry reads real numbers and booleans")
        }
        return try string()
    }

    private mutating func boolean() throws -> Bool {
        if take("True") { return true }
        if take("False") { return false }
        throw unexpected("True or False")
    }

    private mutating func tuple() throws -> [Int] {
        var lengths: [Int] = []
        try expect("(")
        while !take(")") {
            lengths.append(try integer())
            // Python 2 marked its long integers.
            _ = take("L")
            if !take(",") {
                try expect(")")
                break
            }
        }
        return lengths
    }

    private mutating func integer() throws -> Int {
        skipSpace()
        let digits = rest.prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        guard let value = Int(String(decoding: digits, as: UTF8.self)) else { throw unexpected("a length") }
        rest = rest[digits.endIndex...]
        return value
    }

    private mutating func string() throws -> String {
        skipSpace()
        guard let quote = rest.first, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
            throw unexpected("a string")
        }
        let body = rest.dropFirst()
        guard let end = body.firstIndex(of: quote) else { throw unexpected("a string that ends") }
        rest = rest[(end + 1)...]
        return String(decoding: body[..<end], as: UTF8.self)
    }

    private mutating func expect(_ word: String) throws {
        guard take(word) else { throw unexpected("'\(word)'") }
    }

    private mutating func take(_ word: String) -> Bool {
        skipSpace()
        guard rest.starts(with: word.utf8) else { return false }
        rest = rest.dropFirst(word.utf8.count)
        return true
    }

    private mutating func skipSpace() { rest = rest.drop(while: isSpace) }

    private func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || 9...13 ~= byte }

    private func unexpected(_ expected: String) -> FerryError {
        let found = rest.isEmpty ? "the end" : "'\(String(decoding: rest.prefix(12), as: UTF8.self))'"
        return FerryError(.numpy, found: "found \(found)", expected: "expected \(expected)")
    }
}
