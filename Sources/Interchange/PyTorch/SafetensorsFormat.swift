import FerryRuntime
import FerryEngine

/// Tensors by name behind a JSON header, as the safetensors library writes them.
package enum SafetensorsFormat: StateDictFormat {
    package static let name = "safetensors"
    package static let title = "safetensors"
    package static let extensions = [".safetensors"]

    package static func recognizes(_ file: ModelFile) -> Bool {
        guard !file.isFolder, file.head.count > 9, file.head[8] == UInt8(ascii: "{") else { return false }
        // A text could have a brace there; a length of the header that is a text could only be absurd.
        let isText = file.head.prefix(8).allSatisfy { $0 >= 0x20 && $0 < 0x7F || $0 == 0x0A || $0 == 0x0D || $0 == 9 }
        return !isText && "\"} \n".utf8.contains(file.head[9])
    }

    package static func readStateDict(_ file: ModelFile) throws -> StateDict {
        try SafetensorsFile.decode(FileBytes.read(file.path))
    }

    package static func write(_ stateDict: StateDict, to path: String) throws -> [String] {
        try AtomicFile.write(SafetensorsFile.encode(stateDict), to: path)
        return stateDict.ties.sorted { $0.key < $1.key }.map {
            "'\($0.key)' and '\($0.value)' shared their memory, which safetensors cannot say; both were written"
        }
    }
}
