import Ferry

/// A reader under test: what is done with bytes that may be anything.
struct FuzzTarget: Sendable {
    let name: String
    /// The endings of the fixtures to begin with.
    let endings: [String]
    let read: @Sendable ([UInt8]) throws -> Void

    /// Every reader there is.
    static let all: [FuzzTarget] = [
        FuzzTarget(name: "hdf5", endings: [".h5"]) { _ = try HDF5Group(readBySwift: $0) },
        FuzzTarget(name: "zip", endings: [".keras", ".npz"]) { _ = try ZipArchive.read($0) },
        FuzzTarget(name: "npy", endings: [".npy"]) { _ = try NPYFile.decode($0, void2: .bfloat16) },
        FuzzTarget(name: "csv", endings: [".csv"]) { _ = try CSVMatrix.decode($0) },
        FuzzTarget(name: "json", endings: [".json"]) { _ = try JSONValue(parsing: $0) },
        FuzzTarget(name: "onnx", endings: [".onnx"]) { _ = try ONNXModel(bytes: $0) },
        FuzzTarget(name: "model", endings: [".h5", ".keras", ".onnx", ".safetensors", ".pt"]) { try run($0) },
    ]

    /// Reads a model of whatever format, makes it ready and runs it once.
    private static func run(_ bytes: [UInt8]) throws {
        let path = "/tmp/ferry-fuzz-\(UInt64.random(in: .min ... .max))"
        try AtomicFile.write(bytes, to: path)
        defer { _ = path.withCString { removeFile($0) } }
        let model = try Model(contentsOf: path)
        let session = try InferenceSession(model)
        if let inputs = try RandomInputs(for: model).samples(seed: 1).first { _ = try session.predict(inputs) }
    }
}
