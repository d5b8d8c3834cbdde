import FerryEngine

/// The eight bytes with which an HDF5 file begins, at byte 0 or behind a block of the user's own.
package enum HDF5Signature {
    private static let bytes: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

    /// Whether these bytes are, or begin, an HDF5 file; a block in front of it must lie inside them as well.
    package static func isPresent(in file: UnsafeRawBufferPointer) -> Bool { offset(in: file) != nil }

    /// Whether these bytes are, or begin, an HDF5 file; a block in front of it must lie inside them as well.
    package static func isPresent(in file: [UInt8]) -> Bool { file.withUnsafeBytes { isPresent(in: $0) } }

    /// Where the signature is.
    static func offset(in file: UnsafeRawBufferPointer) -> Int? {
        var offset = 0
        while offset <= file.count - bytes.count {
            if file[offset..<(offset + bytes.count)].elementsEqual(bytes) { return offset }
            offset = offset == 0 ? 512 : 2 * offset
        }
        return nil
    }

    /// The error for a file without it.
    static func missing(in file: UnsafeRawBufferPointer) -> FerryError {
        guard !file.isEmpty else { return FerryError(.damagedFile, found: "is empty", expected: "needs an HDF5 file") }
        let isPointer = file.starts(with: "version https://git-lfs".utf8)
        return FerryError(
            .wrongFormat,
            found: "is not an HDF5 file (its first bytes are '\(file.prefix(4).map(visible).joined())')",
            expected: "expected '\\x89HDF' at byte 0, 512, 1024, …",
            remedy: isPointer ? "this is a pointer of Git LFS: fetch the file itself with 'git lfs pull'" : nil)
    }

    private static func visible(_ byte: UInt8) -> String {
        if (0x20..<0x7F).contains(byte) { return String(UnicodeScalar(byte)) }
        let digits = String(byte, radix: 16)
        return "\\x" + (digits.count == 1 ? "0" : "") + digits
    }
}
