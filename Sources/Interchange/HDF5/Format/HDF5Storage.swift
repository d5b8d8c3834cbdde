import FerryEngine

/// Where the elements of a dataset lie.
struct HDF5Storage {
    enum Place {
        /// In one piece; nil where they were never written.
        case contiguous(address: Int?, byteCount: Int)
        /// Inside the dataset's header.
        case compact(UnsafeRawBufferPointer)
        /// In pieces.
        case chunked(HDF5Chunks)
    }

    let place: Place
    /// The bytes of an element that was never written; nil where they are zero.
    let fillValue: [UInt8]?

    /// Reads the messages of a dataset's header that say so.
    init(_ header: HDF5ObjectHeader) throws {
        let remedy = "copy the data into the file"
        guard !header.contains(.externalFiles) else {
            throw FerryError(.unsupported, found: "keeps its data in another file", remedy: remedy)
        }
        guard var layout = try header.first(.layout) else {
            throw HDF5Damage.error("a dataset has no place for its data")
        }
        let version = try layout.byte()
        guard 1...4 ~= version else { throw HDF5Damage.error("a dataset's layout has version \(version)") }
        guard version >= 3 else { throw HDF5Unknown(what: "layout version \(version)") }
        switch try layout.byte() {
        case 0: place = .compact(try layout.take(try layout.integer(2)))
        case 1: place = .contiguous(address: try layout.address(), byteCount: try layout.length())
        case 2: place = .chunked(try HDF5Chunks(&layout, version: version))
        case 3 where version == 4: throw FerryError(.unsupported, found: "is a view of other datasets", remedy: remedy)
        default: throw HDF5Damage.error("a dataset's layout is unknown")
        }
        fillValue = try Self.fillValue(header)
    }

    /// How the elements lie, for the check whether there is room for them.
    var layout: HDF5Layout {
        switch place {
        case .contiguous: .contiguous
        case .compact(let bytes): .compact(byteCount: bytes.count)
        case .chunked(let chunks): .chunked(chunks.shape)
        }
    }

    private static func fillValue(_ header: HDF5ObjectHeader) throws -> [UInt8]? {
        if var message = try header.first(.fillValue) {
            let version = try message.byte()
            guard 1...3 ~= version else { throw HDF5Damage.error("a fill value has version \(version)") }
            guard version == 3 else {
                try message.skip(1)
                let time = try message.byte()
                let isDefined = try message.byte() != 0
                // What is never filled has no value that could be expected; zeros are as good as any.
                return version == 1 || isDefined ? try value(&message, isWritten: time != 1) : nil
            }
            let flags = try message.byte()
            return flags & 0x20 != 0 ? try value(&message, isWritten: flags >> 2 & 3 != 1) : nil
        }
        guard var message = try header.first(.oldFillValue) else { return nil }
        return try value(&message, isWritten: true)
    }

    private static func value(_ message: inout HDF5Cursor, isWritten: Bool) throws -> [UInt8]? {
        let size = try message.integer(4)
        guard isWritten, size > 0, size < 1 << 31 else { return nil }
        return Array(try message.take(size))
    }
}
