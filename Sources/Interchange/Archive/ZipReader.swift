import CZip
import FerryEngine
import OrderedCollections

/// Reads all members of one archive that may have been made to do harm.
struct ZipReader: ~Copyable {
    /// What every archive may unpack to: 64 MiB.
    static let freeTotal: UInt64 = 64 << 20
    /// What an archive may unpack to beyond four times its own size: 256 MiB.
    static let largestSurplus: UInt64 = 256 << 20
    /// The most that deflate can compress.
    static let largestRatio: UInt64 = 1000

    private let handle: ZipHandle
    private let byteCount: UInt64
    private let names: ZipArchive.Names

    /// Opens an archive of `byteCount` bytes and takes over `source`.
    init(_ source: OpaquePointer, byteCount: Int, _ names: ZipArchive.Names) throws {
        do { handle = try ZipHandle(source, ZIP_RDONLY) } catch let failure as ZipFailure { throw failure.readingError }
        self.byteCount = UInt64(byteCount)
        self.names = names
    }

    /// The members without folders, in their order.
    func members() throws -> OrderedDictionary<String, [UInt8]> {
        // libzip takes no bytes at all for an archive that is yet to be filled.
        guard byteCount > 0 else { throw ZipFailure.noArchive }
        let entries = try (0..<zip_get_num_entries(handle.archive, 0)).map { try entry(UInt64($0)) }
        try checkTotal(entries)
        var result = OrderedDictionary<String, [UInt8]>(minimumCapacity: entries.count)
        for entry in entries where !entry.name.hasSuffix("/") {
            try locating("member '\(entry.name)'") {
                guard result[entry.name] == nil else { throw FerryError(.zip, found: "occurs twice") }
                do { result[entry.name] = try contents(of: entry) } catch let failure as ZipFailure {
                    throw failure.readingError
                }
            }
        }
        return result
    }

    /// The names of the members, in their order.
    func memberNames() throws -> [String] {
        guard byteCount > 0 else { throw ZipFailure.noArchive }
        return try (0..<zip_get_num_entries(handle.archive, 0)).map { try entry(UInt64($0)).name }
    }

    private struct Entry {
        let index: UInt64
        let name: String
        let size: UInt64
    }

    private func entry(_ index: UInt64) throws -> Entry {
        var status = zip_stat_t()
        zip_stat_init(&status)
        guard zip_stat_index(handle.archive, index, 0, &status) == 0, let rawName = status.name else {
            throw handle.failure.readingError
        }
        let name = try names.checked(String(cString: rawName))
        try locating("member '\(name)'") { try check(status) }
        return Entry(index: index, name: name, size: status.size)
    }

    private func check(_ status: zip_stat_t) throws {
        guard status.encryption_method == ZIP_EM_NONE else {
            throw FerryError(.zip, found: "is encrypted", remedy: "write the archive without a password")
        }
        let method = Int32(status.comp_method)
        guard method == ZIP_CM_STORE || method == ZIP_CM_DEFLATE else {
            throw FerryError(
                .zip, found: "is compressed by method \(method)",
                expected: "Ferry reads stored (0) and deflated (8) members")
        }
    }

    /// Refuses archives that unpack to much more than they are, also by members that share their bytes.
    private func checkTotal(_ entries: [Entry]) throws {
        var total: UInt64 = 0
        for entry in entries {
            total = total.addingReportingOverflow(entry.size).overflow ? .max : total + entry.size
            let most = max(Self.freeTotal, min(Self.largestRatio * byteCount, 4 * byteCount + Self.largestSurplus))
            guard total <= most else {
                throw FerryError(
                    .zip, at: ["member '\(entry.name)'"],
                    found: "claims \(entry.size) bytes, \(total) with those before, in a file of \(byteCount)",
                    expected: "Ferry reads at most \(most) from it")
            }
        }
    }

    private func contents(of entry: Entry) throws -> [UInt8] {
        guard let file = zip_fopen_index(handle.archive, entry.index, 0) else { throw handle.failure }
        defer { zip_fclose(file) }
        let bytes = try [UInt8](unsafeUninitializedCapacity: Int(entry.size)) { buffer, filled in
            let memory = UnsafeMutableRawBufferPointer(buffer)
            while filled < memory.count {
                let count = try Self.read(file, UnsafeMutableRawBufferPointer(rebasing: memory[filled...]))
                if count == 0 { break }
                filled += count
            }
        }
        // Reading beyond the end is what makes libzip compare the checksum.
        var beyond: UInt8 = 0
        let extra = try withUnsafeMutableBytes(of: &beyond) { try Self.read(file, $0) }
        guard bytes.count == Int(entry.size), extra == 0 else {
            throw FerryError(
                .zip, found: "holds \(extra == 0 ? "fewer" : "more") bytes than the \(entry.size) it claims")
        }
        return bytes
    }

    private static func read(_ file: OpaquePointer, _ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard let base = buffer.baseAddress else { return 0 }
        let count = zip_fread(file, base, UInt64(buffer.count))
        guard count >= 0 else { throw ZipFailure(zip_file_get_error(file)) }
        return Int(count)
    }
}

extension ZipArchive.Names {
    /// The name to use for a member called `name`.
    func checked(_ name: String) throws -> String {
        guard case .paths = self else { return name }
        let path = String(name.map { $0 == "\\" ? "/" : $0 })
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let hasDrive = parts.first.map { $0.count == 2 && $0.hasSuffix(":") } ?? false
        guard !path.isEmpty, !path.hasPrefix("/"), !hasDrive, !parts.contains("..") else {
            throw FerryError(
                .zip, at: ["member '\(name)'"], found: "leads out of the archive",
                expected: "names are relative paths without '..'")
        }
        return path
    }
}
