import FerryEngine
package import FerryRuntime

/// ONNX files.
package enum ONNXFormat: ModelFormat {
    package static let name = "onnx"
    package static let title = "ONNX"
    package static let extensions = [".onnx"]

    package static func recognizes(_ file: ModelFile) -> Bool {
        !file.isFolder && ONNXModel.looksLikeONNX(firstBytes: file.head)
    }

    package static func read(_ file: ModelFile, _ options: ReadOptions) throws -> Model {
        let model = try ONNXModel(contentsOf: file.path)
        return try ONNXReader.read(model, file: file)
    }

    package static func write(_ model: Model, to path: String, _ options: WriteOptions) throws -> [String] {
        let result = try locating(path.lastPathComponent) { try ONNXWriter.write(model, opset: options.opset) }
        try result.model.write(to: path)
        return result.notes
    }
}
