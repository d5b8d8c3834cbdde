import FerryEngine

/// The file that `torch.save` wrote before PyTorch 1.6, and still does on request: five pickles, then the memory.
///
/// The pickles are a magic number, a protocol number, facts about the machine, the object, and the names of the
/// storages; then, for each name, the number of elements in eight bytes and the elements.
struct TorchLegacyFile {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// What such a file begins with: the pickle of the number 0x1950a86a20f9469cfc6c.
    private static let magic: [UInt8] = [
        0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
    ]

    /// Whether a file that begins with these bytes is one.
    static func recognizes(_ head: some Collection<UInt8>) -> Bool { head.starts(with: magic) }

    /// The tensors.
    func stateDict() throws -> StateDict {
        var position = Self.magic.count
        _ = try run(at: &position)
        let isBigEndian = try isBigEndian(at: &position)
        let (root, machine) = try run(at: &position)
        let checkpoint = try TorchCheckpoint(root, machine.heap)
        let keys = try storageKeys(at: &position)
        let contents = try memory(keys, machine.storages, from: position, isBigEndian: isBigEndian)
        var storages = TorchStorages(contents, isBigEndian: isBigEndian)
        var result = try storages.stateDict(checkpoint.tensors)
        result.format = "\(TorchFormat.title) (older format)"
        result.producer = "PyTorch"
        result.notes = checkpoint.notes
        return result
    }

    /// The value of the pickle at `position`, which then stands behind its end.
    private func run(at position: inout Int) throws -> (PickleValue, PickleMachine) {
        var machine = PickleMachine(bytes, from: position)
        let value = try machine.run()
        position = machine.reader.position
        return (value, machine)
    }

    private func storageKeys(at position: inout Int) throws -> [String] {
        let (names, machine) = try run(at: &position)
        guard case .list(let place) = names else {
            throw FerryError(.damagedFile, found: "\(names.kind) in place of the names of storages")
        }
        return try machine.heap[place].items.map { item in
            guard case .string(let key) = item else {
                throw FerryError(.damagedFile, found: "a storage called by \(item.kind)")
            }
            return key
        }
    }

    private func isBigEndian(at position: inout Int) throws -> Bool {
        let (facts, machine) = try run(at: &position)
        guard case .dict(let place) = facts else { return false }
        let isLittle = machine.heap.members(place).first { $0.name == "little_endian" }?.value
        if case .bool(false)? = isLittle { return true }
        return false
    }

    /// The memory of each storage; one that no tensor refers to cannot be measured, and nothing may follow it.
    private func memory(
        _ keys: [String], _ types: [String: TorchStorageReference], from position: Int, isBigEndian: Bool
    ) throws -> [String: [UInt8]] {
        var reader = PickleReader(bytes, from: position)
        var contents: [String: [UInt8]] = [:]
        for key in keys {
            try locating("storage '\(key)'") {
                guard let storage = types[key] else {
                    throw FerryError(.unsupported, found: "no tensor refers to it, so that its size is unknown")
                }
                let header = try reader.take(8)
                let digits = isBigEndian ? Array(header) : header.reversed()
                let count = digits.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                let width = storage.dtype?.byteCount ?? 1
                guard count <= UInt64(reader.rest / width) else {
                    throw FerryError(
                        .damagedFile,
                        found: "\(count) elements of \(width) bytes are announced, \(reader.rest) bytes are left",
                        expected: "a whole file", remedy: "save or download it again")
                }
                contents[key] = Array(try reader.take(Int(count) * width))
            }
        }
        return contents
    }
}
