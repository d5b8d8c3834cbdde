import FerryEngine
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The place of a tensor's elements in a file beside the model.
package struct ONNXExternalData: Sendable, Equatable {
    /// The entries `location`, `offset`, `length` and others, as the model has them.
    package var entries: [ONNXEntry]

    /// The place that the entries describe.
    package init(entries: [ONNXEntry]) { self.entries = entries }

    /// The path of the file, from the folder of the model.
    package var location: String { entries["location"] ?? "" }

    /// The first byte.
    func offset() throws -> Int { try number("offset") ?? 0 }

    /// The number of bytes; nil where the model leaves it to the type and the shape.
    func length() throws -> Int? { try number("length") }

    private func number(_ key: String) throws -> Int? {
        guard let text = entries[key] else { return nil }
        guard let number = Int(text), number >= 0 else {
            throw FerryError.damaged("\(key) '\(text)' of its external data is not a number of bytes")
        }
        return number
    }
}

/// The folder of a model, which is all that the model may read.
struct ONNXDataFolder {
    /// The path of the folder.
    let path: String
    private let budget = ONNXDataBudget()

    init(path: String) { self.path = path }

    /// Calls `body` with the file that `data` names, once it is known to hold `byteCount` bytes at the place named.
    func open<Result>(
        _ data: ONNXExternalData, byteCount: Int, _ body: (borrowing ONNXDataFile, _ offset: Int) throws -> Result
    ) throws -> Result {
        try locating("external data '\(data.location)'") {
            let (offset, length) = (try data.offset(), try data.length() ?? byteCount)
            guard length == byteCount else {
                throw FerryError.damaged(
                    "has \(FerryError.counted(length, "byte"))", expected: "the tensor needs \(byteCount)")
            }
            let file = try ONNXDataFile(of: self, location: data.location)
            guard offset <= file.size, byteCount <= file.size - offset else {
                throw FerryError.damaged(
                    "holds \(FerryError.counted(file.size, "byte"))",
                    expected: "the tensor needs \(byteCount) from byte \(offset) on")
            }
            try budget.claim(byteCount, of: data.location, size: file.size)
            return try body(file, offset)
        }
    }
}

/// How much tensors may take from files beside their model, so that many cannot grow out of the same few bytes.
private final class ONNXDataBudget: Sendable {
    // Tied weights are the same bytes under several names.
    private static let uses = 8
    private static let surplus = 256 << 20
    private let claims = Mutex<[String: Int]>([:])

    /// Counts bytes of a file of `size` bytes, each time that a tensor takes them.
    func claim(_ byteCount: Int, of location: String, size: Int) throws {
        try claims.withLock { claims in
            let bytes = claims[location, default: 0] + byteCount
            claims[location] = bytes
            guard bytes <= Self.uses * size + Self.surplus else {
                throw FerryError.damaged("holds \(size) bytes", expected: "tensors claim many times as many")
            }
        }
    }
}

/// An open file of a model's folder.
struct ONNXDataFile: ~Copyable {
    private let descriptor: Int32
    /// The number of bytes in the file.
    let size: Int

    /// Opens the file step by step, so that no link leads out of the folder.
    init(of folder: ONNXDataFolder, location: String) throws {
        let parts = location.split(separator: "/", omittingEmptySubsequences: false)
        guard !location.utf8.contains(0), parts.allSatisfy({ !["", ".."].contains($0) }) else {
            throw FerryError(
                .unsupported, found: "is not a path inside the model's folder",
                remedy: "move the file into the folder and name it relative to it")
        }
        var here = Self.enter(AT_FDCWD, folder.path, O_DIRECTORY)
        for (index, part) in parts.enumerated() where here >= 0 {
            let last = index == parts.count - 1
            let next = Self.enter(here, String(part), O_NOFOLLOW | (last ? O_NONBLOCK : O_DIRECTORY))
            let reason = errno
            close(here)
            errno = reason
            here = next
        }
        guard here >= 0 else { throw Self.failure(errno) }
        var status = stat()
        guard fstat(here, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(here)
            throw FerryError(.unsupported, found: "is not a file")
        }
        descriptor = here
        size = Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// Fills `buffer` from byte `offset` on.
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        var filled = 0
        while filled < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            // Darwin refuses transfers of 2 GiB and more.
            let count = pread(descriptor, rest.baseAddress, min(rest.count, 1 << 30), off_t(offset + filled))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FerryError.damaged("ends at byte \(offset + filled)") }
            filled += count
        }
    }

    private static func enter(_ folder: Int32, _ name: String, _ flags: Int32) -> Int32 {
        openat(folder, name, O_RDONLY | O_CLOEXEC | flags)
    }

    private static func failure(_ number: Int32) -> FerryError {
        switch number {
        case ENOENT:
            FerryError(.notFound, found: "no such file beside the model", remedy: "it holds weights; fetch it as well")
        case ELOOP, ENOTDIR:
            FerryError(
                .unsupported, found: "is, or leads through, a symbolic link or a file that is no folder",
                remedy: "copy the file itself into the model's folder")
        default:
            FerryError(.file, found: "cannot be opened: \(String(cString: strerror(number)))")
        }
    }
}
