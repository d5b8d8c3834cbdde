import CZlib
import FerryEngine

/// What was done to each chunk of a dataset before it was written.
///
/// See "Filter Pipeline" in the HDF5 File Format Specification.
struct HDF5Filters {
    private struct Filter {
        let identifier: Int
        let name: String
        let values: [Int]
    }

    private var filters: [Filter] = []

    /// No filters.
    init() {}

    init(_ body: HDF5Cursor) throws {
        var body = body
        let version = try body.byte()
        guard 1...2 ~= version else { throw HDF5Damage.error("filters have version \(version)") }
        let count = Int(try body.byte())
        if version == 1 { try body.skip(6) }
        filters = try (0..<count).map { _ in try Self.filter(&body, version: version) }
    }

    var isEmpty: Bool { filters.isEmpty }

    /// A filter that is no part of HDF5.
    var foreign: String? {
        filters.first { $0.identifier > 6 || $0.identifier < 1 }.map {
            $0.name.isEmpty ? "filter \($0.identifier)" : $0.name
        }
    }

    /// Undoes the filters that `mask` does not exclude; what comes out has exactly `size` bytes.
    func undone(_ stored: UnsafeRawBufferPointer, mask: Int, size: Int) throws -> [UInt8] {
        var bytes = Array(stored)
        // Checksums in the middle of the pipeline are four bytes each.
        let most = size + 4 * filters.count
        for (index, filter) in filters.enumerated().reversed() where mask >> index & 1 == 0 {
            switch filter.identifier {
            case 1: bytes = try Self.inflated(bytes, atMost: most)
            case 2: bytes = Self.unshuffled(bytes, elementSize: filter.values.first ?? 1)
            case 3: bytes = try Self.withoutChecksum(bytes)
            default: throw HDF5Unknown(what: "filter \(filter.identifier)")
            }
        }
        guard bytes.count == size else {
            throw HDF5Damage.error("a chunk holds \(bytes.count) bytes instead of \(size)")
        }
        return bytes
    }

    private static func filter(_ body: inout HDF5Cursor, version: UInt8) throws -> Filter {
        let identifier = try body.integer(2)
        let nameLength = version == 1 || identifier >= 256 ? try body.integer(2) : 0
        try body.skip(2)
        let count = try body.integer(2)
        let name = try body.take(version == 1 ? (nameLength + 7) / 8 * 8 : nameLength).prefix { $0 != 0 }
        let values = try (0..<count).map { _ in try body.integer(4) }
        if version == 1, count % 2 == 1 { try body.skip(4) }
        return Filter(identifier: identifier, name: String(decoding: name, as: UTF8.self), values: values)
    }

    private static func inflated(_ bytes: [UInt8], atMost most: Int) throws -> [UInt8] {
        let result = try [UInt8](unsafeUninitializedCapacity: most) { target, filled in
            var length = uLong(most)
            let status = bytes.withUnsafeBufferPointer { source in
                uncompress(target.baseAddress, &length, source.baseAddress, uLong(source.count))
            }
            guard status == Z_OK else { throw HDF5Damage.error("a compressed chunk cannot be unpacked") }
            filled = Int(length)
        }
        return result
    }

    /// Puts the bytes of each element together again.
    private static func unshuffled(_ bytes: [UInt8], elementSize size: Int) -> [UInt8] {
        let count = size > 0 ? bytes.count / size : 0
        guard size > 1, count > 1 else { return bytes }
        var result = bytes
        for part in 0..<size {
            for element in 0..<count { result[element * size + part] = bytes[part * count + element] }
        }
        return result
    }

    private static func withoutChecksum(_ bytes: [UInt8]) throws -> [UInt8] {
        guard bytes.count >= 4 else { throw HDF5Damage.outside }
        let content = bytes.dropLast(4)
        let stored = bytes.suffix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let sum = content.withUnsafeBytes { HDF5Checksum.fletcher32($0) }
        // HDF5 before 1.6.3 wrote the words' bytes the other way round on machines like these.
        let swapped = (sum & 0x00FF_00FF) << 8 | (sum >> 8) & 0x00FF_00FF
        guard stored == sum || stored == swapped else { throw HDF5Damage.checksum }
        return Array(content)
    }
}
