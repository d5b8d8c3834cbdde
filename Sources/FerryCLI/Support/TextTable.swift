/// Rows of cells, printed in columns two spaces apart.
struct TextTable {
    /// The lines without spaces at their ends.
    let lines: [String]

    /// A table of `rows` whose columns in `rightAligned` hold numbers.
    init(_ rows: [[String]], rightAligned: Set<Int> = []) {
        let columnCount = rows.map(\.count).max() ?? 0
        let widths = (0..<columnCount).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        lines = rows.map { row in
            let cells = row.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return rightAligned.contains(column) ? space + cell : cell + space
            }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}

extension Int {
    /// The digits in groups of three: `10,451`.
    var grouped: String {
        var groups: [Substring] = []
        var digits = String(magnitude)[...]
        while digits.count > 3 {
            groups.insert(digits.suffix(3), at: 0)
            digits = digits.dropLast(3)
        }
        groups.insert(digits, at: 0)
        return (self < 0 ? "-" : "") + groups.joined(separator: ",")
    }
}
