import FerryEngine
import OrderedCollections

/// Writes the pickle of a state dict as `torch.save` does, in protocol 2.
struct PickleWriter {
    /// The pickle so far.
    private(set) var bytes: [UInt8] = []

    /// The pickle of `{name: tensor, …}`, whose memory is called `storages[name]`.
    static func pickle(of stateDict: StateDict, storages: [String: String]) -> [UInt8] {
        var writer = PickleWriter()
        writer.append(.proto, [2])
        writer.global("collections", "OrderedDict")
        writer.append(.emptyTuple)
        writer.append(.reduce)
        writer.append(.mark)
        for (name, tensor) in stateDict.tensors {
            writer.string(name)
            writer.tensor(tensor, storage: storages[name] ?? name)
        }
        writer.append(.setItems)
        writer.append(.stop)
        return writer.bytes
    }

    private mutating func append(_ opcode: PickleOpcode, _ argument: [UInt8] = []) {
        bytes.append(opcode.rawValue)
        bytes += argument
    }

    private mutating func string(_ text: String) {
        let utf8 = Array(text.utf8)
        append(.binUnicode, UInt32(utf8.count).littleEndianBytes + utf8)
    }

    private mutating func integer(_ value: Int) {
        if let small = UInt8(exactly: value) {
            append(.binInt1, [small])
        } else if let word = Int32(exactly: value) {
            append(.binInt, word.littleEndianBytes)
        } else {
            append(.long1, [8] + Int64(value).littleEndianBytes)
        }
    }

    private mutating func tuple(_ integers: [Int]) {
        append(.mark)
        for value in integers { integer(value) }
        append(.tuple)
    }

    private mutating func global(_ module: String, _ name: String) {
        append(.global, Array("\(module)\n\(name)\n".utf8))
    }

    /// A call of `_rebuild_tensor_v2`, or of `_rebuild_tensor_v3` for types that have no storages of their own.
    private mutating func tensor(_ tensor: TorchTensor, storage: String) {
        global("torch._utils", tensor.dtype.storage == nil ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2")
        append(.mark)
        append(.mark)
        string("storage")
        if let type = tensor.dtype.storage { global("torch", type) } else { global("torch.storage", "UntypedStorage") }
        string(storage)
        string("cpu")
        integer(tensor.dtype.storage == nil ? tensor.bytes.count : tensor.shape.product)
        append(.tuple)
        append(.persistentID)
        integer(0)
        tuple(tensor.shape)
        tuple(tensor.shape.map { max($0, 1) }.rowMajorStrides)
        append(.newFalse)
        global("collections", "OrderedDict")
        append(.emptyTuple)
        append(.reduce)
        if tensor.dtype.storage == nil { global("torch", tensor.dtype.name) }
        append(.tuple)
        append(.reduce)
    }
}

extension FixedWidthInteger {
    /// The bytes, the least significant first.
    var littleEndianBytes: [UInt8] { withUnsafeBytes(of: littleEndian) { [UInt8]($0) } }
}
