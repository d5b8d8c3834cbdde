import FerryRuntime
import FerryEngine

/// What `torch.save` writes, in both of its formats, and TorchScript archives, whose tensors are read.
package enum TorchFormat: StateDictFormat {
    package static let name = "torch"
    package static let title = "PyTorch state dict"
    package static let extensions = [".pt", ".pth"]

    package static func recognizes(_ file: ModelFile) -> Bool {
        guard !file.isFolder else { return false }
        if ZipArchive.isZip(file.head) {
            return (try? ZipArchive.memberNames(file.path)).map(TorchArchive.recognizes) ?? false
        }
        return TorchLegacyFile.recognizes(file.head) || isPickle(file.head) || isTar(file.head)
    }

    package static func readStateDict(_ file: ModelFile) throws -> StateDict {
        if ZipArchive.isZip(file.head) { return try TorchArchive(ZipArchive.read(file.path)).stateDict() }
        if TorchLegacyFile.recognizes(file.head) { return try TorchLegacyFile(FileBytes.read(file.path)).stateDict() }
        let kind = isTar(file.head) ? "a tar archive of PyTorch 0.1" : "a pickle that torch.save did not write"
        throw FerryError(
            .unsupported, found: "is \(kind)", expected: "a file that torch.save has written since PyTorch 0.2",
            remedy: "load it in PyTorch and save its state dict again")
    }

    package static func write(_ stateDict: StateDict, to path: String) throws -> [String] {
        try ZipArchive.write(
            TorchArchive.members(of: stateDict), to: path, alignment: TorchArchive.alignment)
        return stateDict.metadata.filter { $0.key != "format" }.map {
            "'\($0.key)' beside the tensors was left out: a .pt state dict has no room for texts"
        }
    }

    /// PROTO and a version that exists.
    private static func isPickle(_ head: [UInt8]) -> Bool {
        head.count > 2 && head[0] == 0x80 && (1...5).contains(head[1])
    }

    private static func isTar(_ head: [UInt8]) -> Bool { head.dropFirst(257).starts(with: "ustar".utf8) }
}
