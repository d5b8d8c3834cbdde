import FerryEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Reads files into memory.
package enum FileBytes {
    /// The largest file that is read whole: 32 GiB.
    package static let largest = 32 << 30

    /// The whole file at `path`, which may also be a pipe.
    package static func read(_ path: String) throws -> [UInt8] {
        let size = try size(of: path)
        guard size <= largest else {
            throw FerryError.file(path, found: "holds \(size) bytes", expected: "at most \(largest) bytes can be read")
        }
        return try naming(path) {
            let file = try OpenFile(path, O_RDONLY)
            // One byte more than expected, so that the end of the file is met in the first read.
            var bytes = try chunk(of: file, size + 1)
            guard bytes.count > size else { return bytes }
            while bytes.count <= largest {
                let next = try chunk(of: file, 1 << 20)
                if next.isEmpty { break }
                bytes += next
            }
            return bytes
        }
    }

    /// The first `count` bytes of the file at `path`, or all where it is shorter.
    package static func prefix(of path: String, _ count: Int) throws -> [UInt8] {
        _ = try size(of: path)
        return try naming(path) { try chunk(of: OpenFile(path, O_RDONLY), count) }
    }

    /// Whether there is anything at `path`.
    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Whether there is a folder at `path`.
    package static func isFolder(_ path: String) -> Bool {
        var result = stat()
        return stat(path, &result) == 0 && result.st_mode & S_IFMT == S_IFDIR
    }

    /// How many bytes the file at `path` holds; 0 for a pipe.
    static func size(of path: String) throws -> Int {
        var result = stat()
        guard stat(path, &result) == 0 else { throw FerryError.reading(path, errno) }
        guard result.st_mode & S_IFMT != S_IFDIR else { throw FerryError.reading(path, EISDIR) }
        return Int(result.st_size)
    }

    private static func chunk(of file: borrowing OpenFile, _ count: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = try file.fill(UnsafeMutableRawBufferPointer(buffer))
        }
    }

    private static func naming<Result>(
        _ path: String, _ body: () throws -> Result
    ) throws -> Result {
        do { return try body() } catch let failure as SystemFailure { throw FerryError.reading(path, failure.number) }
    }
}
