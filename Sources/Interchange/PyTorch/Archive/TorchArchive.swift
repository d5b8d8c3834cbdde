import FerryEngine
import OrderedCollections

/// The zip archive that `torch.save` has written since PyTorch 1.6, and `torch.jit.save`.
///
/// `NAME/data.pkl` describes the tensors, `NAME/data/0` … hold their memory, `NAME/byteorder` says which byte of a
/// number comes first. TorchScript adds `NAME/code/` and `NAME/constants.pkl`.
struct TorchArchive {
    private let members: OrderedDictionary<String, [UInt8]>
    /// What all names begin with, the slash included.
    private let prefix: String
    /// Whether a program of TorchScript is in it.
    let isScript: Bool

    /// Whether an archive with members of these names is one.
    static func recognizes(_ names: some Collection<String>) -> Bool { root(names) != nil }

    init(_ members: OrderedDictionary<String, [UInt8]>) throws {
        guard let root = Self.root(members.keys) else {
            throw FerryError(.damagedFile, found: "members \(members.keys.elements)", expected: "'data.pkl'")
        }
        self.members = members
        prefix = root
        isScript = members.keys.contains { $0 == "\(root)constants.pkl" || $0.hasPrefix("\(root)code/") }
    }

    private static func root(_ names: some Collection<String>) -> String? {
        names.first { $0 == "data.pkl" || $0.hasSuffix("/data.pkl") && $0.split(separator: "/").count == 2 }
            .map { String($0.dropLast("data.pkl".count)) }
    }

    /// The tensors.
    func stateDict() throws -> StateDict {
        let pickle = members["\(prefix)data.pkl"] ?? []
        guard pickle.count <= Self.largestPickle else {
            throw FerryError(
                .unsupported, at: ["data.pkl"], found: "\(pickle.count) bytes",
                expected: "at most \(Self.largestPickle)")
        }
        let checkpoint = try locating("data.pkl") {
            var machine = PickleMachine(pickle, allowsScriptClasses: isScript)
            let root = try machine.run()
            return try isScript
                ? TorchCheckpoint(module: root, machine.heap) : TorchCheckpoint(root, machine.heap)
        }
        let memory = members.filter { $0.key.hasPrefix("\(prefix)data/") }
            .map { (String($0.key.dropFirst("\(prefix)data/".count)), $0.value) }
        var storages = TorchStorages(
            Dictionary(memory, uniquingKeysWith: { first, _ in first }), isBigEndian: try isBigEndian())
        var result = try storages.stateDict(checkpoint.tensors)
        result.format = isScript ? "TorchScript archive" : TorchFormat.title
        result.producer = "PyTorch"
        result.notes = checkpoint.notes
        if isScript {
            result.notes.append("the program of the TorchScript archive was ignored; its tensors were taken")
        }
        return result
    }

    /// No state dict comes near it; a memory bomb does.
    private static let largestPickle = 64 << 20

    private func isBigEndian() throws -> Bool {
        guard let text = members["\(prefix)byteorder"].map({ String(decoding: $0.prefix(16), as: UTF8.self) }) else {
            return false
        }
        guard text == "little" || text == "big" else {
            throw FerryError(.damagedFile, at: ["byteorder"], found: "'\(text)'", expected: "'little' or 'big'")
        }
        return text == "big"
    }
}
