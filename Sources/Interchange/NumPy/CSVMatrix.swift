public import FerryEngine

extension FerryError.Code {
    /// A `.csv` file that is not a matrix of numbers.
    public static let csv = Self("csv")
}

/// Matrices of numbers as comma-separated text, by RFC 4180.
public enum CSVMatrix {
    /// The float32 tensor [rows, columns] in the file at `path`; a first line with anything but numbers is a header.
    public static func read(_ path: String) throws -> Tensor {
        let bytes = try FileBytes.read(path)
        return try locating(path.lastPathComponent) { try decode(bytes) }
    }

    /// The float32 tensor [rows, columns] that `bytes` spell; a first line with anything but numbers is a header.
    public static func decode(_ bytes: [UInt8]) throws -> Tensor {
        var values: [Float] = []
        var columns: Int?
        var rows = 0
        var scanner = CSVScanner(bytes)
        while let record = try scanner.record() {
            if record.fields == [""] {
                try scanner.requireEnd(after: record.line)
                break
            }
            let numbers = record.fields.map(number)
            if columns == nil, numbers.contains(nil) {
                columns = numbers.count
                continue
            }
            guard numbers.count == columns ?? numbers.count else {
                throw FerryError(
                    .csv, at: ["line \(record.line)"], found: "has \(numbers.count) columns",
                    expected: "the first line has \(columns ?? 0)")
            }
            columns = numbers.count
            for (column, value) in numbers.enumerated() {
                guard let value else { throw notANumber(record, column) }
                values.append(value)
            }
            rows += 1
        }
        guard let columns, rows > 0 else { throw FerryError(.csv, found: "holds no line of numbers") }
        return Tensor(values, shape: [rows, columns])
    }

    private static func number(_ field: String) -> Float? {
        var text = field[...]
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        // Swift also reads hexadecimal numbers, which no other reader of such files does.
        guard !text.utf8.contains(where: { $0 | 0x20 == UInt8(ascii: "x") }) else { return nil }
        return Double(text).map { Float($0) }
    }

    private static func notANumber(_ record: CSVScanner.Record, _ column: Int) -> FerryError {
        let field = record.fields[column]
        return FerryError(
            .csv, at: ["line \(record.line), column \(column + 1)"],
            found: field.isEmpty ? "is empty" : "found '\(field)'", expected: "expected a number")
    }
}

/// Cuts text into records and fields.
private struct CSVScanner {
    struct Record {
        /// The line where the record begins, from 1.
        let line: Int
        var fields: [String] = []
    }

    private let bytes: [UInt8]
    private var position: Int
    private var line = 1

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        position = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    /// The next record, or nil at the end.
    mutating func record() throws -> Record? {
        guard position < bytes.count else { return nil }
        var record = Record(line: line)
        while true {
            record.fields.append(try field())
            guard next == UInt8(ascii: ",") else { break }
            position += 1
        }
        if next == UInt8(ascii: "\r") { position += 1 }
        if next == UInt8(ascii: "\n") { position += 1 }
        line += 1
        return record
    }

    /// Refuses anything but blank lines from here on.
    mutating func requireEnd(after blank: Int) throws {
        while let record = try record() {
            guard record.fields == [""] else { throw FerryError(.csv, at: ["line \(blank)"], found: "is blank") }
        }
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func field() throws -> String {
        guard next == UInt8(ascii: "\"") else {
            let end = bytes[position...].firstIndex { Self.endsField($0) } ?? bytes.count
            defer { position = end }
            return String(decoding: bytes[position..<end], as: UTF8.self)
        }
        return try quotedField()
    }

    private mutating func quotedField() throws -> String {
        let start = line
        var text: [UInt8] = []
        position += 1
        while let byte = next {
            position += 1
            if byte == UInt8(ascii: "\n") { line += 1 }
            if byte != UInt8(ascii: "\"") {
                text.append(byte)
            } else if next == byte {
                text.append(byte)
                position += 1
            } else {
                guard next.map(Self.endsField) ?? true else {
                    throw FerryError(.csv, at: ["line \(line)"], found: "text follows a closing quote")
                }
                return String(decoding: text, as: UTF8.self)
            }
        }
        throw FerryError(.csv, at: ["line \(start)"], found: "a quote is not closed")
    }

    private static func endsField(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
    }
}
