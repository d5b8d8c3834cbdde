import OrderedCollections

extension JSONValue {
    /// The value that UTF-8 `bytes` spell, by the rules of Python's `json.loads`.
    ///
    /// `NaN`, `Infinity` and `-Infinity` are numbers, the last of equal keys counts, integers beyond 64 bits become
    /// doubles, and half of a surrogate pair becomes U+FFFD.
    ///
    /// - Throws: ``FerryError/Code/json`` with line and column.
    public init(parsing bytes: [UInt8], duplicateKeys: DuplicateKeys = .lastCounts) throws {
        self = try bytes.withUnsafeBufferPointer { buffer in
            var parser = JSONParser(buffer, duplicateKeys)
            return try parser.document()
        }
    }

    /// What becomes of an object with two equal keys.
    public enum DuplicateKeys: Sendable {
        /// The last counts, as in Python.
        case lastCounts
        /// It is an error.
        case refused
    }

    /// The value that `text` spells; see ``init(parsing:duplicateKeys:)``.
    public init(parsing text: String) throws { try self.init(parsing: Array(text.utf8)) }
}

/// Recursive descent over UTF-8 bytes.
struct JSONParser {
    /// How many arrays and objects may stand inside each other.
    static let deepest = 512

    private let bytes: UnsafeBufferPointer<UInt8>
    private let duplicateKeys: JSONValue.DuplicateKeys
    private var position = 0
    private var depth = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>, _ duplicateKeys: JSONValue.DuplicateKeys) {
        self.bytes = bytes
        self.duplicateKeys = duplicateKeys
    }

    mutating func document() throws -> JSONValue {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
        let result = try value()
        skipSpace()
        guard position == bytes.count else { throw unexpected("the end of the text") }
        return result
    }

    private mutating func value() throws -> JSONValue {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try nested { try $0.object() }
        case UInt8(ascii: "["): return try nested { try $0.array() }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t") where skip("true"): return .bool(true)
        case UInt8(ascii: "f") where skip("false"): return .bool(false)
        case UInt8(ascii: "n") where skip("null"): return .null
        case UInt8(ascii: "N") where skip("NaN"): return .double(.nan)
        case UInt8(ascii: "I") where skip("Infinity"): return .double(.infinity)
        case UInt8(ascii: "-") where skip("-Infinity"): return .double(-.infinity)
        default: return try number()
        }
    }

    private mutating func nested(_ body: (inout Self) throws -> JSONValue) throws -> JSONValue {
        guard depth < Self.deepest else {
            throw FerryError(
                .json, at: [place(of: position)], found: "nested deeper than \(Self.deepest) arrays and objects")
        }
        depth += 1
        defer { depth -= 1 }
        return try body(&self)
    }

    private mutating func object() throws -> JSONValue {
        var members = OrderedDictionary<String, JSONValue>()
        position += 1
        skipSpace()
        if skip("}") { return .object(members) }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw unexpected("a key in double quotes") }
            let start = position
            let key = try string()
            if duplicateKeys == .refused, members[key] != nil {
                throw FerryError(.json, at: [place(of: start)], found: "the key '\(key)' occurs twice")
            }
            skipSpace()
            guard skip(":") else { throw unexpected("':'") }
            members[key] = try value()
            skipSpace()
            if skip("}") { return .object(members) }
            guard skip(",") else { throw unexpected("',' or '}'") }
        }
    }

    private mutating func array() throws -> JSONValue {
        var elements: [JSONValue] = []
        position += 1
        skipSpace()
        if skip("]") { return .array(elements) }
        while true {
            elements.append(try value())
            skipSpace()
            if skip("]") { return .array(elements) }
            guard skip(",") else { throw unexpected("',' or ']'") }
        }
    }
}

// Numbers.
extension JSONParser {
    private mutating func number() throws -> JSONValue {
        let start = position
        let isNegative = skip("-")
        guard let first = next, isDigit(first) else {
            if isNegative { throw unexpected("a digit") }
            throw unexpected("a value")
        }
        var significand: UInt64 = 0
        var digits = 0
        if skip("0") == false { digits = takeDigits(into: &significand) }
        var exponent = 0
        var isInteger = true
        if next == UInt8(ascii: "."), let after = byte(position + 1), isDigit(after) {
            position += 1
            exponent = -takeDigits(into: &significand)
            digits -= exponent
            isInteger = false
        }
        if let power = takeExponent() {
            exponent += power
            isInteger = false
        }
        // Nineteen digits always fit in 64 bits.
        if digits <= 19 {
            if isInteger, let integer = signed(significand, isNegative) { return .int(integer) }
            if let double = exactly(significand, exponent) { return .double(isNegative ? -double : double) }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, let integer = Int(text) { return .int(integer) }
        return .double(Double(text) ?? .nan)
    }

    private mutating func takeDigits(into significand: inout UInt64) -> Int {
        let start = position
        while let digit = next, isDigit(digit) {
            significand = significand &* 10 &+ UInt64(digit & 0xF)
            position += 1
        }
        return position - start
    }

    private mutating func takeExponent() -> Int? {
        guard let letter = next, letter | 0x20 == UInt8(ascii: "e") else { return nil }
        var start = position + 1
        let sign = byte(start)
        if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { start += 1 }
        guard let first = byte(start), isDigit(first) else { return nil }
        position = start
        var magnitude = 0
        while let digit = next, isDigit(digit) {
            magnitude = min(magnitude * 10 + Int(digit & 0xF), 1_000_000)
            position += 1
        }
        return sign == UInt8(ascii: "-") ? -magnitude : magnitude
    }

    private func signed(_ magnitude: UInt64, _ isNegative: Bool) -> Int? {
        guard let value = Int(exactly: magnitude) else { return nil }
        return isNegative ? -value : value
    }

    /// `significand · 10^exponent` where one rounding gives it, after Clinger (1990).
    private func exactly(_ significand: UInt64, _ exponent: Int) -> Double? {
        guard significand < 1 << 53, -22...22 ~= exponent else { return nil }
        let value = Double(significand)
        return exponent < 0 ? value / powersOfTen[-exponent] : value * powersOfTen[exponent]
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }
}

// Strings.
extension JSONParser {
    private mutating func string() throws -> String {
        let quote = position
        position += 1
        var start = position
        var unescaped: [UInt8] = []
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                defer { position += 1 }
                if unescaped.isEmpty { return try text(bytes[start..<position], from: quote) }
                return try text(unescaped + bytes[start..<position], from: quote)
            case UInt8(ascii: "\\"):
                unescaped += bytes[start..<position]
                unescaped += String(try escaped()).utf8
                start = position
            case ..<0x20:
                throw FerryError(
                    .json, at: [place(of: position)], found: "control character U+\(hexadecimal(byte)) in a string",
                    expected: "strings write it '\\u\(hexadecimal(byte))'")
            default:
                position += 1
            }
        }
        throw FerryError(
            .json, at: [place(of: quote)], found: "the string that begins here does not end",
            expected: "'\"' was expected")
    }

    private func text(_ utf8: some Collection<UInt8>, from quote: Int) throws -> String {
        guard let result = String(validating: utf8, as: UTF8.self) else {
            throw FerryError(.json, at: [place(of: quote)], found: "the string that begins here is not UTF-8")
        }
        return result
    }

    private mutating func escaped() throws -> Unicode.Scalar {
        position += 1
        guard let letter = next else { throw unexpected("a character after '\\'") }
        if letter == UInt8(ascii: "u") { return try unicodeEscape() }
        guard let scalar = Self.escapes[letter] else { throw unexpected("one of \"\\/bfnrtu after '\\'") }
        position += 1
        return scalar
    }

    private mutating func unicodeEscape() throws -> Unicode.Scalar {
        let unit = try hexadecimalUnit()
        guard 0xD800..<0xDC00 ~= unit, byte(position) == UInt8(ascii: "\\"), byte(position + 1) == UInt8(ascii: "u")
        else { return Unicode.Scalar(unit) ?? "\u{FFFD}" }
        let afterFirst = position
        position += 1
        let second = try hexadecimalUnit()
        if 0xDC00..<0xE000 ~= second {
            return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (second - 0xDC00)) ?? "\u{FFFD}"
        }
        position = afterFirst
        return "\u{FFFD}"
    }

    private mutating func hexadecimalUnit() throws -> UInt32 {
        position += 1
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw unexpected("four hexadecimal digits after '\\u'")
            }
            unit = unit << 4 | UInt32(digit)
            position += 1
        }
        return unit
    }

    private static let escapes: [UInt8: Unicode.Scalar] = [
        UInt8(ascii: "\""): "\"", UInt8(ascii: "\\"): "\\", UInt8(ascii: "/"): "/", UInt8(ascii: "b"): "\u{8}",
        UInt8(ascii: "f"): "\u{C}", UInt8(ascii: "n"): "\n", UInt8(ascii: "r"): "\r", UInt8(ascii: "t"): "\t",
    ]
}

// Position.
extension JSONParser {
    private var next: UInt8? { byte(position) }

    private func byte(_ index: Int) -> UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"): position += 1
            default: return
            }
        }
    }

    private mutating func skip(_ word: StaticString) -> Bool {
        let length = word.utf8CodeUnitCount
        guard position + length <= bytes.count else { return false }
        for i in 0..<length where bytes[position + i] != word.utf8Start[i] { return false }
        position += length
        return true
    }

    private func unexpected(_ expected: String) -> FerryError {
        FerryError(
            .json, at: [place(of: position)], found: "found \(character(at: position))",
            expected: "expected \(expected)")
    }

    private func character(at index: Int) -> String {
        guard index < bytes.count else { return "the end of the text" }
        guard bytes[index] > 0x20, bytes[index] != 0x7F else { return "character U+" + hexadecimal(bytes[index]) }
        let text = String(decoding: bytes[index..<min(index + 4, bytes.count)], as: UTF8.self)
        return text.unicodeScalars.first.map { "'\($0)'" } ?? "nothing"
    }

    private func hexadecimal(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }

    /// `line 3, column 14`, both from 1, in characters.
    private func place(of index: Int) -> String {
        let before = bytes[..<index]
        let line = before.count { $0 == UInt8(ascii: "\n") } + 1
        let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let column = before[lineStart...].count { $0 & 0xC0 != 0x80 } + 1
        return "line \(line), column \(column)"
    }
}

private let powersOfTen: [Double] = [
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
]
