import FerryEngine

extension HDF5Group {
    /// Reads the whole file at `path`.
    package init(contentsOf path: String) throws {
        let bytes = try FileBytes.read(path)
        self = try locating(path.lastPathComponent) { try HDF5Group(bytes: bytes) }
    }

    /// Reads a whole file out of memory, such as a member of an archive.
    package init(bytes: [UInt8]) throws {
        self = try bytes.withUnsafeBytes { try HDF5Group(bytes: $0) }
    }

    /// Reads a whole file out of memory, such as a member of an archive.
    package init(bytes: UnsafeRawBufferPointer) throws {
        guard HDF5Signature.isPresent(in: bytes) else { throw HDF5Signature.missing(in: bytes) }
        self = try HDF5Library.held(for: .reading) { try $0.readFile(bytes) }
    }

    /// Writes the group as a file, which takes the place of the file at `path` only when it is complete.
    package func write(to path: String) throws {
        let bytes = try locating(path.lastPathComponent) { try self.bytes() }
        try AtomicFile.write(bytes, to: path)
    }

    /// The bytes of a file with this group as its root; equal groups give equal bytes.
    package func bytes() throws -> [UInt8] {
        try HDF5Library.held(for: .writing) { library in
            let file = try library.createImage()
            try library.write(self, into: library.root(of: file), at: "")
            return try library.image(of: file)
        }
    }
}
