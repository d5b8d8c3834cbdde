import CZip
import FerryEngine
package import OrderedCollections

/// Zip archives as Keras, PyTorch and NumPy make them, read and written whole.
package enum ZipArchive {
    /// How members' names are understood.
    package enum Names: Sendable {
        /// As relative paths: backslashes become slashes, and names that lead out of the archive are refused.
        case paths
        /// As they are.
        case keys
    }

    /// Whether a file that begins with these bytes is a zip archive.
    package static func isZip(_ prefix: some Collection<UInt8>) -> Bool {
        prefix.starts(with: [0x50, 0x4B, 3, 4]) || prefix.starts(with: [0x50, 0x4B, 5, 6])
    }

    /// The members of the archive at `path`, without folders, in their order.
    package static func read(_ path: String, names: Names = .paths) throws -> OrderedDictionary<String, [UInt8]> {
        let size = try FileBytes.size(of: path)
        if size > 0 { _ = try FileBytes.prefix(of: path, 1) }
        return try locating(path.lastPathComponent) {
            try ZipReader(ZipSource.file(path), byteCount: size, names).members()
        }
    }

    /// The names of the members of the archive at `path`, whose contents are not read.
    package static func memberNames(_ path: String) throws -> [String] {
        try locating(path.lastPathComponent) {
            try ZipReader(ZipSource.file(path), byteCount: FileBytes.size(of: path), .paths).memberNames()
        }
    }

    /// The members of the archive that `bytes` are, without folders, in their order.
    package static func read(_ bytes: [UInt8], names: Names = .paths) throws -> OrderedDictionary<String, [UInt8]> {
        try bytes.withUnsafeBytes { buffer in
            try ZipReader(ZipSource.memory(buffer), byteCount: buffer.count, names).members()
        }
    }

    /// Writes an archive of uncompressed members, the same bytes for the same members, in place of the file at `path`.
    ///
    /// Each member's contents begin at a multiple of `alignment` bytes in the file.
    package static func write(
        _ members: OrderedDictionary<String, [UInt8]>, to path: String, names: Names = .paths, alignment: Int = 1
    ) throws {
        // In memory first: libzip would leave a file of its own behind where the process ends.
        let archive = try locating(path.lastPathComponent) {
            try Self.bytes(of: members, names: names, alignment: alignment)
        }
        try AtomicFile.write(archive, to: path)
    }

    /// An archive of uncompressed members, the same bytes for the same members.
    package static func bytes(
        of members: OrderedDictionary<String, [UInt8]>, names: Names = .paths, alignment: Int = 1
    ) throws -> [UInt8] {
        try check(members.keys, names)
        guard !members.isEmpty else { return empty }
        do {
            let target = try ZipSource.memory(UnsafeRawBufferPointer(start: nil, count: 0))
            zip_source_keep(target)
            defer { zip_source_free(target) }
            try fill(target, with: members, alignment: alignment)
            return try contents(of: target)
        } catch let failure as ZipFailure { throw failure.writingError }
    }

    /// An archive without members, for which libzip writes no file at all.
    private static let empty: [UInt8] = [0x50, 0x4B, 5, 6] + [UInt8](repeating: 0, count: 18)

    private static func check(_ keys: some Sequence<String>, _ names: Names) throws {
        for key in keys { _ = try names.checked(key) }
    }

    private static func fill(
        _ target: OpaquePointer, with members: OrderedDictionary<String, [UInt8]>, alignment: Int
    ) throws {
        let handle = try ZipHandle(target, ZIP_CREATE | ZIP_TRUNCATE)
        var position = 0
        for (name, bytes) in members {
            let source = try ZipSource.copy(of: bytes)
            let index = zip_file_add(handle.archive, name, source, zip_flags_t(ZIP_FL_ENC_UTF_8))
            guard index >= 0 else {
                zip_source_free(source)
                throw handle.failure
            }
            try settle(UInt64(index), in: handle)
            position += localHeaderLength + name.utf8.count
            position += try pad(UInt64(index), from: position, to: alignment, in: handle) + bytes.count
        }
        try handle.close()
    }

    /// Bytes before a member's name and contents, where sizes fit into 32 bits.
    private static let localHeaderLength = 30

    /// Fills the local header of a member up to a multiple of `alignment`, in an extra field as PyTorch does, and gives
    /// the length of the field.
    private static func pad(
        _ index: UInt64, from position: Int, to alignment: Int, in handle: borrowing ZipHandle
    ) throws -> Int {
        guard alignment > 1 else { return 0 }
        let fieldHeader = 4
        let missing = (alignment - (position + fieldHeader) % alignment) % alignment
        let padding = [UInt8](repeating: UInt8(ascii: "Z"), count: missing)
        let isSet = zip_file_extra_field_set(
            handle.archive, index, paddingField, UInt16(ZIP_EXTRA_FIELD_NEW), padding, UInt16(missing),
            zip_flags_t(ZIP_FL_LOCAL))
        guard isSet == 0 else { throw handle.failure }
        return fieldHeader + missing
    }

    /// The extra field that `PyTorchStreamWriter` pads with: `FB`.
    private static let paddingField: UInt16 = 0x4246

    /// Stored, dated 1980-01-01 and readable by its owner, as Python's `zipfile` does.
    private static func settle(_ index: UInt64, in handle: borrowing ZipHandle) throws {
        let firstOfJanuary: UInt16 = 0 << 9 | 1 << 5 | 1
        let ownerOnly: UInt32 = 0o600 << 16
        guard zip_set_file_compression(handle.archive, index, ZIP_CM_STORE, 0) == 0,
            zip_file_set_dostime(handle.archive, index, 0, firstOfJanuary, 0) == 0,
            zip_file_set_external_attributes(handle.archive, index, 0, UInt8(ZIP_OPSYS_UNIX), ownerOnly) == 0
        else { throw handle.failure }
    }

    private static func contents(of source: OpaquePointer) throws -> [UInt8] {
        var status = zip_stat_t()
        zip_stat_init(&status)
        guard zip_source_stat(source, &status) == 0, zip_source_open(source) == 0 else {
            throw ZipFailure(zip_source_error(source))
        }
        defer { zip_source_close(source) }
        return try [UInt8](unsafeUninitializedCapacity: Int(status.size)) { buffer, count in
            guard let base = buffer.baseAddress else { return }
            count = Int(zip_source_read(source, base, status.size))
            guard count == Int(status.size) else {
                count = 0
                throw ZipFailure(zip_source_error(source))
            }
        }
    }
}
