import FerryEngine

/// The chunks of a dataset that can grow along one axis: blocks of entries that double in size.
///
/// See "Extensible Array Index" in the HDF5 File Format Specification.
struct HDF5ExtensibleArray {
    private let image: HDF5Image
    private let isFiltered: Bool
    private let entrySize: Int
    private let offsetSize: Int
    private let indexBlockEntries: Int
    private let smallestBlock: Int
    private let pointersPerSuperBlock: Int
    private let pageLength: Int
    private let indexBlock: HDF5Cursor?

    init(at address: Int, in image: HDF5Image, isFiltered: Bool) throws {
        self.image = image
        self.isFiltered = isFiltered
        var header = try image.checkedCursor(at: address, count: 16 + 6 * image.lengthSize + image.addressSize)
        try header.expect("EAHD")
        guard try header.byte() == 0, try header.byte() == (isFiltered ? 1 : 0) else {
            throw HDF5Damage.error("an array of chunks is of another kind")
        }
        entrySize = Int(try header.byte())
        offsetSize = (Int(try header.byte()) + 7) / 8
        indexBlockEntries = Int(try header.byte())
        smallestBlock = Int(try header.byte())
        pointersPerSuperBlock = Int(try header.byte())
        let pageBits = try header.byte()
        try header.skip(6 * image.lengthSize)
        guard HDF5ArrayEntry.isPossible(entrySize, isFiltered: isFiltered, in: image), pageBits < 32,
            smallestBlock.nonzeroBitCount == 1, pointersPerSuperBlock.nonzeroBitCount == 1,
            pointersPerSuperBlock > 1, 1...8 ~= offsetSize
        else { throw HDF5Damage.error("an array of chunks has impossible measures") }
        pageLength = 1 << Int(pageBits)
        indexBlock = try header.address().map { address in
            var block = try image.cursor(at: address)
            try block.expect("EAIB")
            try block.skip(2 + image.addressSize)
            return block
        }
    }

    /// The entry of a chunk; nil where it was never written.
    func entry(_ number: Int) throws -> HDF5ArrayEntry? {
        guard number >= 0 else { throw HDF5Damage.outside }
        guard var block = indexBlock else { return nil }
        guard number >= indexBlockEntries else {
            try block.skip(number * entrySize)
            return try HDF5ArrayEntry(&block, size: entrySize, isFiltered: isFiltered)
        }
        // Super block u stands for 2^(u/2) blocks of 2^((u+1)/2) times the smallest block's entries.
        let rest = number - indexBlockEntries
        let superBlock = 63 - (rest / smallestBlock + 1).leadingZeroBitCount
        let inSuperBlock = rest - (1 << superBlock - 1) * smallestBlock
        let blockLength = smallestBlock << ((superBlock + 1) / 2)
        let direct = 2 * (63 - pointersPerSuperBlock.leadingZeroBitCount)
        try block.skip(indexBlockEntries * entrySize)
        guard superBlock >= direct else {
            // The first super blocks have no block of their own; 2^⌈u/2⌉ + 2^⌊u/2⌋ − 2 blocks lie before them.
            let before = 1 << ((superBlock + 1) / 2) + 1 << (superBlock / 2) - 2
            try block.skip((before + inSuperBlock / blockLength) * image.addressSize)
            guard let address = try block.address() else { return nil }
            return try entry(inBlockAt: address, length: blockLength, inSuperBlock % blockLength, isWritten: nil)
        }
        try block.skip(2 * (pointersPerSuperBlock - 1) * image.addressSize)
        try block.skip((superBlock - direct) * image.addressSize)
        guard let address = try block.address() else { return nil }
        return try entry(inSuperBlockAt: address, superBlock, blockLength, inSuperBlock)
    }

    private func entry(
        inSuperBlockAt address: Int, _ superBlock: Int, _ blockLength: Int, _ number: Int
    ) throws -> HDF5ArrayEntry? {
        var block = try image.cursor(at: address)
        try block.expect("EASB")
        try block.skip(2 + image.addressSize + offsetSize)
        let blocks = 1 << (superBlock / 2)
        let pages = blockLength > pageLength ? blockLength / pageLength : 0
        let maskSize = (pages + 7) / 8
        let written = try block.take(blocks * maskSize)
        let index = number / blockLength
        try block.skip(index * image.addressSize)
        guard let address = try block.address() else { return nil }
        let mask = UnsafeRawBufferPointer(rebasing: written[(index * maskSize)..<((index + 1) * maskSize)])
        return try entry(
            inBlockAt: address, length: blockLength, number % blockLength, isWritten: pages > 0 ? mask : nil)
    }

    private func entry(
        inBlockAt address: Int, length: Int, _ number: Int, isWritten: UnsafeRawBufferPointer?
    ) throws -> HDF5ArrayEntry? {
        var block = try image.cursor(at: address)
        try block.expect("EADB")
        try block.skip(2 + image.addressSize + offsetSize)
        if let isWritten {
            let page = number / pageLength
            guard isWritten[page / 8] << (page % 8) & 0x80 != 0 else { return nil }
            // The block's own checksum, then pages that each end with theirs.
            try block.skip(4 + page * (pageLength * entrySize + 4) + number % pageLength * entrySize)
        } else {
            try block.skip(number * entrySize)
        }
        return try HDF5ArrayEntry(&block, size: entrySize, isFiltered: isFiltered)
    }
}
