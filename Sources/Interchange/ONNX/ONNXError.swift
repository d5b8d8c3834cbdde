package import FerryEngine

extension FerryError.Code {
    /// A file that is no ONNX model at all.
    package static let notONNX = Self("notONNX")
}

extension FerryError {
    /// A file that begins like no ONNX model does.
    static func notONNX(_ found: String = "is not an ONNX model") -> FerryError {
        FerryError(.notONNX, found: found)
    }

    /// Bytes that contradict themselves.
    static func damaged(_ found: String, expected: String? = nil) -> FerryError {
        FerryError(.damagedFile, found: found, expected: expected)
    }

    /// `1 byte`, `2 bytes`.
    static func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    /// Bytes at a known offset that contradict themselves.
    static func damaged(atByte offset: Int, _ found: String, expected: String? = nil) -> FerryError {
        damaged("is damaged at byte \(offset): \(found)", expected: expected)
    }
}
