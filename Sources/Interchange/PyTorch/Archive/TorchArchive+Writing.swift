import FerryEngine
import OrderedCollections

extension TorchArchive {
    /// Where the memory of a tensor may begin in the file, so that it can be mapped.
    static let alignment = 64

    /// The members of an archive; tensors that lie in the same memory are written once.
    static func members(of stateDict: StateDict) throws -> OrderedDictionary<String, [UInt8]> {
        var storages: [String: String] = [:]
        var memory: [[UInt8]] = []
        for (name, tensor) in stateDict.tensors {
            if let earlier = stateDict.ties[name].flatMap({ storages[$0] }) {
                storages[name] = earlier
            } else {
                storages[name] = "\(memory.count)"
                memory.append(tensor.bytes)
            }
        }
        var members: OrderedDictionary<String, [UInt8]> = [
            "archive/data.pkl": PickleWriter.pickle(of: stateDict, storages: storages),
            "archive/byteorder": Array("little".utf8),
        ]
        for (number, bytes) in memory.enumerated() { members["archive/data/\(number)"] = bytes }
        members["archive/version"] = Array("3\n".utf8)
        return members
    }
}
