public import FerryEngine

/// One array as NumPy's `save` writes it (NEP 1, `numpy.lib.format`).
public enum NPYFile {
    /// What the two-byte type `V2`, under which NumPy saves types it does not know, is taken for.
    public enum Void2: Sendable {
        case refused
        /// As arrays of `ml_dtypes.bfloat16` are saved.
        case bfloat16
    }

    /// The array in the file at `path`.
    public static func read(_ path: String, void2: Void2 = .refused) throws -> Tensor {
        let bytes = try FileBytes.read(path)
        return try locating(path.lastPathComponent) { try decode(bytes, void2: void2) }
    }

    /// The array that the bytes of a file spell.
    public static func decode(_ bytes: [UInt8], void2: Void2 = .refused) throws -> Tensor {
        try bytes.withUnsafeBytes { buffer in
            let (header, start) = try NPYHeader.read(buffer)
            let type = try NPYElementType(header.descr, void2: void2)
            return try tensor(header, type, UnsafeRawBufferPointer(rebasing: buffer[start...]))
        }
    }

    /// Writes `tensor` in place of the file at `path`, byte for byte as `numpy.save` does.
    public static func write(_ tensor: Tensor, to path: String) throws {
        let bytes = try locating(path.lastPathComponent) { try encode(tensor) }
        try AtomicFile.write(bytes, to: path)
    }

    /// The bytes of a file that holds `tensor`, as `numpy.save` writes them.
    public static func encode(_ tensor: Tensor) throws -> [UInt8] {
        let header = NPYHeader(descr: try NPYElementType.descr(of: tensor.dtype), shape: tensor.shape).encoded
        return tensor.withUnsafeBytes { elements in
            var bytes: [UInt8] = []
            bytes.reserveCapacity(header.count + elements.count)
            bytes += header
            bytes += elements
            return bytes
        }
    }

    private static func tensor(
        _ header: NPYHeader, _ type: NPYElementType, _ data: UnsafeRawBufferPointer
    ) throws -> Tensor {
        let needed = try byteCount(header.shape, type.dtype)
        guard data.count == needed else {
            throw FerryError(
                .numpy, found: "\(data.count) bytes follow the header",
                expected: "shape \(header.shape) of \(type.dtype.rawValue) needs \(needed)")
        }
        let stored = header.isFortranOrder ? header.shape.reversed() : header.shape
        var result = try Tensor(bytes: data, shape: stored, dtype: type.dtype)
        if type.isBigEndian { result.withUnsafeMutableBytes { swapBytes($0, type.dtype.byteCount) } }
        // Any other byte than 0 and 1 is no Swift Bool.
        if type.dtype == .bool {
            result.withUnsafeMutableBytes { for i in $0.indices where $0[i] > 1 { $0[i] = 1 } }
        }
        return header.isFortranOrder ? result.transposed(stored.indices.reversed()) : result
    }

    /// The bytes that `shape` needs, where neither they nor any stride overflows.
    private static func byteCount(_ shape: [Int], _ dtype: DType) throws -> Int {
        let widest = shape.map { $0 == 0 ? 1 : $0 } + [dtype.byteCount]
        guard shape.count <= 64, let bytes = widest.checkedProduct else {
            throw FerryError(.numpy, found: "shape \(shape) is too large for any array")
        }
        return shape.contains(0) ? 0 : bytes
    }

    private static func swapBytes(_ bytes: UnsafeMutableRawBufferPointer, _ width: Int) {
        switch width {
        case 2: swapWords(bytes.bindMemory(to: UInt16.self))
        case 4: swapWords(bytes.bindMemory(to: UInt32.self))
        case 8: swapWords(bytes.bindMemory(to: UInt64.self))
        default: break
        }
    }

    private static func swapWords(_ words: UnsafeMutableBufferPointer<some FixedWidthInteger>) {
        for i in words.indices { words[i] = words[i].byteSwapped }
    }
}
