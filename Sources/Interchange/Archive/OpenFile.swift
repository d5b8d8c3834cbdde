#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The number that the operating system gives as the reason of a failure.
struct SystemFailure: Error, Equatable {
    /// One of `errno`'s values.
    let number: Int32

    /// The reason of the last failure in this thread.
    static var last: SystemFailure { SystemFailure(number: errno) }
}

/// A file descriptor with one owner, which closes it.
struct OpenFile: ~Copyable {
    let descriptor: Int32

    /// Opens `path`; a file that is made gets the permissions `mode` less the process's mask.
    init(_ path: String, _ flags: Int32, mode: mode_t = 0o666) throws {
        descriptor = Int32(try Self.retrying { Int(open(path, flags | O_CLOEXEC, mode)) })
    }

    /// Takes over one of the three files that every process begins with.
    init(standard descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Size, kind, owner and permissions.
    func status() throws -> stat {
        var result = stat()
        guard fstat(descriptor, &result) == 0 else { throw SystemFailure.last }
        return result
    }

    /// Fills `buffer` from the current position and returns how much of it was there.
    func fill(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var filled = 0
        while filled < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            let count = try Self.retrying { read(descriptor, rest.baseAddress, min(rest.count, Self.largestTransfer)) }
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    /// All bytes of a file.
    func contents() throws -> [UInt8] {
        try rewind()
        var bytes = [UInt8](repeating: 0, count: Int(try status().st_size))
        let filled = try bytes.withUnsafeMutableBytes { try fill($0) }
        return Array(bytes.prefix(filled))
    }

    /// Goes back to the first byte.
    func rewind() throws { _ = try Self.retrying { Int(lseek(descriptor, 0, SEEK_SET)) } }

    /// Writes all of `bytes` at the current position.
    func append(_ bytes: UnsafeRawBufferPointer) throws {
        var written = 0
        while written < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
            written += try Self.retrying { write(descriptor, rest.baseAddress, min(rest.count, Self.largestTransfer)) }
        }
    }

    /// Waits until what was written is on the disk.
    func synchronize() throws {
        do {
            _ = try Self.retrying { Int(fsync(descriptor)) }
        } catch let failure as SystemFailure where failure.number == EINVAL || failure.number == ENOTSUP {
            // Some file systems have nothing to flush and say so.
        }
    }

    /// Gives the file these permissions and, where the process may, this owner.
    func adopt(_ other: stat) throws {
        let own = try status()
        if (own.st_uid, own.st_gid) != (other.st_uid, other.st_gid) {
            _ = fchown(descriptor, other.st_uid, other.st_gid)
        }
        guard fchmod(descriptor, other.st_mode & 0o7777) == 0 else { throw SystemFailure.last }
    }

    // Darwin refuses transfers of 2 GiB and more.
    private static let largestTransfer = 1 << 30

    private static func retrying(_ call: () -> Int) throws -> Int {
        while true {
            let result = call()
            if result >= 0 { return result }
            guard errno == EINTR else { throw SystemFailure.last }
        }
    }
}
