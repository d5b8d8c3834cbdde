import FerryEngine

/// What an array of chunks says of one of them.
struct HDF5ArrayEntry {
    let address: Int
    /// The bytes in the file; nil for those of a chunk without filters.
    var byteCount: Int?
    /// The filters that were left out.
    var mask = 0

    /// Reads an entry of `size` bytes; nil where its chunk was never written.
    init?(_ cursor: inout HDF5Cursor, size: Int, isFiltered: Bool) throws {
        let address = try cursor.address()
        if isFiltered {
            byteCount = try cursor.integer(size - cursor.image.addressSize - 4)
            mask = try cursor.integer(4)
        }
        guard let address else { return nil }
        self.address = address
    }

    init(address: Int) { self.address = address }

    /// Whether entries can have this size.
    static func isPossible(_ size: Int, isFiltered: Bool, in image: HDF5Image) -> Bool {
        isFiltered ? 1...8 ~= size - image.addressSize - 4 : size == image.addressSize
    }
}

/// The chunks of a dataset that cannot grow.
///
/// See "Fixed Array Index" in the HDF5 File Format Specification.
struct HDF5FixedArray {
    private let image: HDF5Image
    private let isFiltered: Bool
    private let entrySize: Int
    private let count: Int
    private let entries: HDF5Cursor
    /// Entries on a page; nil where there are no pages.
    private let pageLength: Int?
    /// A bit for each page, the first one highest, whether it was written.
    private let pagesWritten: UnsafeRawBufferPointer

    init(at address: Int, in image: HDF5Image, isFiltered: Bool) throws {
        self.image = image
        self.isFiltered = isFiltered
        var header = try image.checkedCursor(at: address, count: 12 + image.lengthSize + image.addressSize)
        try header.expect("FAHD")
        guard try header.byte() == 0, try header.byte() == (isFiltered ? 1 : 0) else {
            throw HDF5Damage.error("an array of chunks is of another kind")
        }
        entrySize = Int(try header.byte())
        let pageBits = try header.byte()
        count = try header.length()
        guard HDF5ArrayEntry.isPossible(entrySize, isFiltered: isFiltered, in: image), pageBits < 32,
            count <= image.bytes.count
        else { throw HDF5Damage.error("an array of chunks has impossible measures") }
        let block = try header.definedAddress()
        let length = 1 << Int(pageBits)
        let pages = count > length ? (count + length - 1) / length : 0
        pageLength = pages > 0 ? length : nil
        let size = 6 + image.addressSize + (pages > 0 ? (pages + 7) / 8 : count * entrySize) + 4
        var cursor = try image.checkedCursor(at: block, count: size)
        try cursor.expect("FADB")
        try cursor.skip(2 + image.addressSize)
        pagesWritten = pages > 0 ? try cursor.take((pages + 7) / 8) : UnsafeRawBufferPointer(start: nil, count: 0)
        entries = pages > 0 ? try image.cursor(at: block + size) : cursor
    }

    /// The entry of a chunk; nil where it was never written.
    func entry(_ number: Int) throws -> HDF5ArrayEntry? {
        guard 0..<count ~= number else { throw HDF5Damage.outside }
        var cursor = entries
        if let pageLength {
            let page = number / pageLength
            guard pagesWritten[page / 8] << (page % 8) & 0x80 != 0 else { return nil }
            // Each page ends with its checksum.
            try cursor.skip(page * (pageLength * entrySize + 4) + number % pageLength * entrySize)
        } else {
            try cursor.skip(number * entrySize)
        }
        return try HDF5ArrayEntry(&cursor, size: entrySize, isFiltered: isFiltered)
    }
}
