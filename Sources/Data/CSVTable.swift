public import FerryEngine

/// A table of text with named columns, as a CSV file holds it (RFC 4180).
public struct CSVTable: Sendable, Equatable {
    /// The names in the first line.
    public let columns: [String]
    /// The cells of the other lines, each line as long as ``columns``.
    public let rows: [[String]]

    /// Reads CSV text; the separator is the comma, semicolon or tab that stands most often in the first line.
    ///
    /// - Throws: ``FerryError/Code/table`` naming the line that is not as long as the first, or a quote without end.
    public init(parsing text: String) throws {
        let header = text.prefix { !$0.isNewline }
        let separators: [Character] = [",", ";", "\t"]
        let counts = separators.map { separator in header.count { $0 == separator } }
        let separator = counts.max().flatMap { most in most > 0 ? separators[counts.firstIndex(of: most) ?? 0] : nil }
        var lines = try Self.lines(text, separator ?? ",")
        guard !lines.isEmpty, lines.count > 1 else {
            throw FerryError(.table, found: "\(lines.count) lines", expected: "a line of names and lines of values")
        }
        columns = lines.removeFirst().cells.map { $0.trimmingSpaces }
        for line in lines where line.cells.count != columns.count {
            throw FerryError(
                .table, at: ["line \(line.number)"], found: "\(line.cells.count) cells", expected: "\(columns.count)")
        }
        rows = lines.map(\.cells)
    }

    /// A column's cells as numbers; nil where a cell is empty or says that a value is missing (`NA`, `NaN`, `null`, `?`).
    ///
    /// - Throws: ``FerryError/Code/table`` where there is no such column, or a cell is neither a number nor missing.
    public func numbers(_ name: String) throws -> [Double?] {
        guard let index = columns.firstIndex(of: name) else {
            throw FerryError(.table, found: "no column '\(name)'", expected: "one of \(columns)")
        }
        return try rows.enumerated().map { position, row in
            let cell = row[index].trimmingSpaces
            if Self.missing.contains(cell.lowercased()) { return nil }
            guard let number = Double(cell), number.isFinite else {
                throw FerryError(
                    .table, at: ["line \(position + 2)", "column '\(name)'"], found: "'\(cell)'", expected: "a number",
                    remedy: "leave the cell empty where the value is missing")
            }
            return number
        }
    }

    private static let missing: Set<String> = ["", "na", "n/a", "nan", "null", "none", "?", "-"]

    private static func lines(
        _ text: String, _ separator: Character
    ) throws -> [(number: Int, cells: [String])] {
        var lines: [(number: Int, cells: [String])] = []
        var (cells, cell, isQuoted, number, start): ([String], String, Bool, Int, Int) = ([], "", false, 1, 1)
        func isBlank() -> Bool { cells.isEmpty && cell.isEmpty }
        var characters = text.makeIterator()
        var next = characters.next()
        while let character = next {
            next = characters.next()
            if isQuoted {
                if character == "\"" && next == "\"" {
                    cell.append(character)
                    next = characters.next()
                } else if character == "\"" {
                    isQuoted = false
                } else {
                    if character.isNewline { number += 1 }
                    cell.append(character)
                }
            } else if character == "\"" && cell.isEmpty {
                isQuoted = true
            } else if character == separator {
                cells.append(cell)
                cell = ""
            } else if character.isNewline {
                if !isBlank() { lines.append((start, cells + [cell])) }
                (cells, cell) = ([], "")
                number += 1
                start = number
            } else {
                cell.append(character)
            }
        }
        guard !isQuoted else {
            throw FerryError(
                .table, at: ["line \(start)"], found: "a quote that does not end", expected: "a closing quote")
        }
        if !isBlank() { lines.append((start, cells + [cell])) }
        return lines
    }
}

extension String {
    /// The text without spaces around it.
    fileprivate var trimmingSpaces: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}

extension FerryError.Code {
    /// Text that is no table, or a table without what is asked for.
    public static let table = Self("table")
}
