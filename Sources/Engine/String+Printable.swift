extension String {
    /// The text on one line, without characters that a terminal obeys, and cut in the middle where it is very long.
    ///
    /// Names in files may hold anything: line breaks become spaces, other control characters and those that turn the
    /// direction of writing are spelled out.
    package var printable: String {
        var result = ""
        for scalar in unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control where scalar == "\n" || scalar == "\r" || scalar == "\t", .lineSeparator, .paragraphSeparator:
                if result.last != " " { result.append(" ") }
            case .control, .format, .surrogate, .privateUse:
                result += "\\u{" + String(scalar.value, radix: 16) + "}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        guard result.unicodeScalars.count > Self.longestLine else { return result }
        let half = Self.longestLine / 2
        return String(result.unicodeScalars.prefix(half)) + " … " + String(result.unicodeScalars.suffix(half))
    }

    /// The lines of a text, each ``printable``.
    package var printableLines: String {
        split(separator: "\n", omittingEmptySubsequences: false).map { String($0).printable }.joined(separator: "\n")
    }

    private static let longestLine = 3000
}
