import FerryEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension ONNXModel {
    /// The most bytes that a message of protobuf, and so an ONNX file, can have: 2 GiB less one.
    static let largest = Int(Int32.max)

    /// Reads a model; tensors whose elements lie in other files stay without them.
    package init(bytes: [UInt8]) throws {
        self = try ONNXTree(bytes).model(in: nil)
    }

    /// Reads the model at `path` and, from the folder around it, the elements of its tensors.
    package init(contentsOf path: String) throws {
        let tree = try Self.tree(ofFile: path)
        self = try locating(path.lastPathComponent) {
            try tree.model(in: ONNXDataFolder(path: path.parentFolder))
        }
    }

    /// The bytes of the file; equal models give equal bytes.
    package func bytes() throws -> [UInt8] { try ONNXEncoder.encode(self) }

    /// Writes the file at `path`, which until then stays what it was.
    package func write(to path: String) throws {
        let bytes = try locating(path.lastPathComponent) { try self.bytes() }
        try AtomicFile.write(bytes, to: path)
    }

    static func check(size: Int) throws {
        guard size <= largest else {
            throw FerryError(
                .unsupported, found: "has \(size) bytes", expected: "an ONNX file has at most \(largest)",
                remedy: "keep large weights in files beside it, as external data")
        }
    }

    // The bytes of the file are gone when this returns, before the tree is copied.
    private static func tree(ofFile path: String) throws -> ONNXTree {
        var status = stat()
        // A file that cannot be looked at cannot be read either, and reading says why.
        if stat(path, &status) == 0 { try locating(path.lastPathComponent) { try check(size: Int(status.st_size)) } }
        let bytes = try FileBytes.read(path)
        return try locating(path.lastPathComponent) { try ONNXTree(bytes) }
    }
}
