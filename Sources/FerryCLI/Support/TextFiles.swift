import Ferry

/// Text in files.
enum FileText {
    /// The text of a file in UTF-8.
    static func read(_ path: String) throws -> String {
        let bytes = try FileBytes.read(path)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw FerryError(.damagedFile, found: "bytes that are no UTF-8 text", expected: "text in UTF-8")
        }
        return text
    }
}

extension String {
    /// Replaces the file at `path` by this text.
    func write(toFile path: String) throws { try AtomicFile.write(Array(utf8), to: path) }
}
