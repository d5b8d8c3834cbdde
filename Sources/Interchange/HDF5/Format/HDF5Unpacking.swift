import FerryEngine

/// Puts the chunks of a dataset in their places.
struct HDF5Unpacking {
    let image: HDF5Image
    let chunks: HDF5Chunks
    let filters: HDF5Filters
    let shape: [Int]
    let limits: [Int?]
    let elementSize: Int

    /// Makes sure that the chunks are parts of this array.
    func requireMatch() throws {
        guard chunks.shape.count == shape.count, chunks.elementSize == elementSize else {
            throw HDF5Damage.error("the chunks are those of another array")
        }
    }

    /// Copies the chunks that were written into memory for the whole array, in row-major order.
    func unpack(into target: UnsafeMutableRawBufferPointer) throws {
        let counts = zip(shape, chunks.shape).map { $0 / $1 + ($0 % $1 == 0 ? 0 : 1) }
        let chunkSize = chunks.shape.product * elementSize
        let index = HDF5ChunkIndex(
            image: image, chunks: chunks, counts: counts, chunkSize: chunkSize, isFiltered: !filters.isEmpty,
            limits: limits)
        for chunk in try index.stored() {
            let stored = try image.cursor(at: chunk.address, count: chunk.byteCount).rest
            let start = zip(chunk.position, chunks.shape).map(*)
            let isPlain = filters.isEmpty || chunks.edgesAreUnfiltered && reachesBeyond(start)
            guard isPlain else {
                try filters.undone(stored, mask: chunk.mask, size: chunkSize).withUnsafeBytes {
                    place($0, at: start, in: target)
                }
                continue
            }
            guard stored.count >= chunkSize else { throw HDF5Damage.outside }
            place(stored, at: start, in: target)
        }
    }

    private func reachesBeyond(_ start: [Int]) -> Bool {
        zip(start, zip(chunks.shape, shape)).contains { $0 + $1.0 > $1.1 }
    }

    /// Copies a chunk row by row, as far as the array reaches.
    private func place(_ chunk: UnsafeRawBufferPointer, at start: [Int], in target: UnsafeMutableRawBufferPointer) {
        let lengths = zip(start, zip(chunks.shape, shape)).map { Swift.min($1.0, $1.1 - $0) }
        let (from, to) = (chunks.shape.rowMajorStrides, shape.rowMajorStrides)
        let rowBytes = lengths[lengths.count - 1] * elementSize
        var row = lengths.map { _ in 0 }
        while true {
            let source = zip(row, from).reduce(0) { $0 + $1.0 * $1.1 } * elementSize
            let place = zip(zip(row, start).map(+), to).reduce(0) { $0 + $1.0 * $1.1 } * elementSize
            UnsafeMutableRawBufferPointer(rebasing: target[place..<(place + rowBytes)])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: chunk[source..<(source + rowBytes)]))
            guard let axis = row.indices.dropLast().last(where: { row[$0] + 1 < lengths[$0] }) else { return }
            row[axis] += 1
            for inner in (axis + 1)..<row.count { row[inner] = 0 }
        }
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Turns elements of `size` bytes from one byte order into the other.
    func swapBytes(of size: Int) {
        switch size {
        case 2: swapWords(bindMemory(to: UInt16.self))
        case 4: swapWords(bindMemory(to: UInt32.self))
        case 8: swapWords(bindMemory(to: UInt64.self))
        default: break
        }
    }

    private func swapWords(_ words: UnsafeMutableBufferPointer<some FixedWidthInteger>) {
        for i in words.indices { words[i] = words[i].byteSwapped }
    }
}
