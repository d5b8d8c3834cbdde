import OrderedCollections

extension JSONValue {
    /// What stands between the parts of arrays and objects.
    public enum Separators: Sendable {
        /// `, ` and `: `
        case spaced
        /// `,` and `:`
        case compact
    }

    /// The text that Python's `json.dumps(value, indent: indent)` gives: ASCII only, `, ` and `: ` between parts.
    public func encoded(indent: Int? = nil, separators: Separators = .spaced) -> String {
        var writer = JSONWriter(indent: indent, isCompact: separators == .compact)
        writer.write(self)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

/// Appends values to UTF-8 bytes.
private struct JSONWriter {
    var bytes: [UInt8] = []
    let indent: Int?
    let isCompact: Bool
    var depth = 0

    init(indent: Int?, isCompact: Bool) {
        self.indent = indent
        self.isCompact = isCompact
    }

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: append("null")
        case .bool(let value): append(value ? "true" : "false")
        case .int(let value): append(String(value))
        case .double(let value): write(value)
        case .string(let value): write(value)
        case .array(let elements): write(elements, "[", "]") { $0.write($1) }
        case .object(let members):
            write(members, "{", "}") { writer, member in
                writer.write(member.key)
                writer.append(writer.isCompact ? ":" : ": ")
                writer.write(member.value)
            }
        }
    }

    private mutating func write<Items: Sequence>(
        _ items: Items, _ opening: String, _ closing: String, each: (inout Self, Items.Element) -> Void
    ) {
        append(opening)
        depth += 1
        var isFirst = true
        for item in items {
            if !isFirst { append(indent == nil && !isCompact ? ", " : ",") }
            isFirst = false
            breakLine()
            each(&self, item)
        }
        depth -= 1
        if !isFirst { breakLine() }
        append(closing)
    }

    private mutating func breakLine() {
        guard let indent else { return }
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indent * depth))
    }

    private mutating func write(_ text: String) {
        append("\"")
        if text.utf8.allSatisfy(isPlain) { append(text) } else { writeEscaped(text) }
        append("\"")
    }

    private func isPlain(_ byte: UInt8) -> Bool { 0x20...0x7E ~= byte && byte != 0x22 && byte != 0x5C }

    private mutating func writeEscaped(_ text: String) {
        for unit in text.utf16 {
            switch unit {
            case 0x22: append("\\\"")
            case 0x5C: append("\\\\")
            case 0x0A: append("\\n")
            case 0x0D: append("\\r")
            case 0x09: append("\\t")
            case 0x0C: append("\\f")
            case 0x08: append("\\b")
            case 0x20...0x7E: bytes.append(UInt8(truncatingIfNeeded: unit))
            default: appendEscape(of: unit)
            }
        }
    }

    private mutating func appendEscape(of unit: UInt16) {
        let digits = String(unit, radix: 16)
        append("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func write(_ value: Double) {
        if value.isFinite {
            value.appendPythonDescription(to: &bytes)
        } else {
            append(value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity")
        }
    }
}
