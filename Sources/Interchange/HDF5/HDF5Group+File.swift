import FerryEngine

extension HDF5Group {
    /// Reads the whole file at `path`.
    package init(contentsOf path: String, library: HDF5Isolation = .isolated) throws {
        let bytes = try FileBytes.read(path)
        self = try locating(path.lastPathComponent) { try HDF5Group(bytes: bytes, library: library) }
    }

    /// Reads a whole file out of memory, such as a member of an archive.
    package init(bytes: [UInt8], library: HDF5Isolation = .isolated) throws {
        self = try bytes.withUnsafeBytes { bytes in
            do { return try HDF5Reader.read(bytes) } catch let unknown as HDF5Unknown {
                return try library.read(bytes, because: unknown)
            }
        }
    }

    /// Reads a whole file with Ferry's own reader alone; nil where it holds something that only libhdf5 knows.
    package init?(readBySwift bytes: [UInt8]) throws {
        do { self = try bytes.withUnsafeBytes(HDF5Reader.read) } catch is HDF5Unknown { return nil }
    }

    /// Reads a whole file with libhdf5 alone and in this process, as the writer's tests and the helper do.
    package init(readByLibrary bytes: [UInt8]) throws {
        self = try bytes.withUnsafeBytes { bytes in
            guard HDF5Signature.isPresent(in: bytes) else { throw HDF5Signature.missing(in: bytes) }
            return try HDF5Library.held(for: .reading) { try $0.readFile(bytes) }
        }
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
