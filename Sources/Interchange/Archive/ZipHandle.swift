import CZip
public import FerryEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension FerryError.Code {
    /// A zip archive that is damaged or holds what Ferry refuses.
    public static let zip = Self("zip")
}

/// An open libzip archive with one owner, which forgets its changes unless ``close()`` wrote them.
struct ZipHandle: ~Copyable {
    let archive: OpaquePointer

    /// Opens the archive that `source` holds and takes over `source`, also where this throws.
    init(_ source: OpaquePointer, _ flags: Int32) throws {
        var error = zip_error_t()
        zip_error_init(&error)
        defer { zip_error_fini(&error) }
        guard let archive = zip_open_from_source(source, flags, &error) else {
            zip_source_free(source)
            throw ZipFailure(&error)
        }
        self.archive = archive
    }

    deinit { zip_discard(archive) }

    /// Writes the archive.
    consuming func close() throws {
        guard zip_close(archive) == 0 else {
            let failure = self.failure
            zip_discard(archive)
            discard self
            throw failure
        }
        discard self
    }

    /// What went wrong in the last call.
    var failure: ZipFailure { ZipFailure(zip_get_error(archive)) }
}

/// Where libzip reads bytes from or writes them to.
enum ZipSource {
    /// The file at `path`.
    static func file(_ path: String) throws -> OpaquePointer {
        try make { zip_source_file_create(path, 0, -1, $0) }
    }

    /// Memory that outlives the source.
    static func memory(_ bytes: UnsafeRawBufferPointer) throws -> OpaquePointer {
        try make { zip_source_buffer_create(bytes.baseAddress, UInt64(bytes.count), 0, $0) }
    }

    /// A copy of `bytes`, which the source frees.
    static func copy(of bytes: [UInt8]) throws -> OpaquePointer {
        guard let copy = malloc(max(bytes.count, 1)) else { throw FerryError(.zip, found: "not enough memory") }
        bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(start: copy, count: $0.count).copyMemory(from: $0) }
        do {
            return try make { zip_source_buffer_create(copy, UInt64(bytes.count), 1, $0) }
        } catch {
            free(copy)
            throw error
        }
    }

    private static func make(_ body: (UnsafeMutablePointer<zip_error_t>) -> OpaquePointer?) throws -> OpaquePointer {
        var error = zip_error_t()
        zip_error_init(&error)
        defer { zip_error_fini(&error) }
        guard let source = body(&error) else { throw ZipFailure(&error) }
        return source
    }
}

/// What libzip said of a failure.
struct ZipFailure: Error {
    /// One of `ZIP_ER_…`.
    let code: Int32
    private let message: String

    init(_ error: UnsafeMutablePointer<zip_error_t>) {
        code = zip_error_code_zip(error)
        message = String(cString: zip_error_strerror(error))
    }

    /// The sentence for bytes that are something else.
    static let noArchive = FerryError(.zip, found: "is not a zip archive, or its end is missing")

    /// The sentence for who gave Ferry the archive to read.
    var readingError: FerryError {
        switch code {
        case ZIP_ER_NOZIP: Self.noArchive
        case ZIP_ER_CRC: FerryError(.zip, found: "is damaged: its checksum does not fit")
        default: FerryError(.zip, found: "is damaged: \(message)")
        }
    }

    /// The sentence for who asked Ferry to write an archive.
    var writingError: FerryError { FerryError(.zip, found: "cannot be written: \(message)") }
}
