public import FerryEngine
public import OrderedCollections

/// Named arrays as NumPy's `savez` and `savez_compressed` write them.
public enum NPZFile {
    /// The arrays of the file at `path`, in their order.
    public static func read(
        _ path: String, void2: NPYFile.Void2 = .refused
    ) throws -> OrderedDictionary<String, Tensor> {
        let members = try ZipArchive.read(path, names: .keys)
        return try locating(path.lastPathComponent) { try tensors(members, void2) }
    }

    /// The arrays that the bytes of a file spell, in their order.
    public static func decode(
        _ bytes: [UInt8], void2: NPYFile.Void2 = .refused
    ) throws -> OrderedDictionary<String, Tensor> {
        try tensors(try ZipArchive.read(bytes, names: .keys), void2)
    }

    /// Writes `tensors`, uncompressed and in their order, in place of the file at `path`.
    public static func write(_ tensors: OrderedDictionary<String, Tensor>, to path: String) throws {
        let members = try locating(path.lastPathComponent) { try Self.members(tensors) }
        try ZipArchive.write(members, to: path, names: .keys)
    }

    /// The bytes of a file that holds `tensors`, uncompressed and in their order.
    public static func encode(_ tensors: OrderedDictionary<String, Tensor>) throws -> [UInt8] {
        try ZipArchive.bytes(of: try members(tensors), names: .keys)
    }

    private static func tensors(
        _ members: OrderedDictionary<String, [UInt8]>, _ void2: NPYFile.Void2
    ) throws -> OrderedDictionary<String, Tensor> {
        var result = OrderedDictionary<String, Tensor>(minimumCapacity: members.count)
        for (name, bytes) in members {
            try locating("member '\(name)'") {
                guard name.hasSuffix(".npy") else {
                    throw FerryError(.numpy, found: "is not an array", expected: "arrays are members called NAME.npy")
                }
                result[String(name.dropLast(4))] = try NPYFile.decode(bytes, void2: void2)
            }
        }
        return result
    }

    private static func members(
        _ tensors: OrderedDictionary<String, Tensor>
    ) throws -> OrderedDictionary<String, [UInt8]> {
        var result = OrderedDictionary<String, [UInt8]>(minimumCapacity: tensors.count)
        for (name, tensor) in tensors {
            try locating("array '\(name)'") { result[name + ".npy"] = try NPYFile.encode(tensor) }
        }
        return result
    }
}
