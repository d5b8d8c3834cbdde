package import FerryRuntime

/// A file format that holds models: how its bytes are told apart, read and written.
package protocol ModelFormat: Sendable {
    /// The name on the command line, as in `--to onnx`.
    static var name: String { get }
    /// The name in sentences, such as `Keras HDF5`.
    static var title: String { get }
    /// The endings of file names that ask for this format, the longest first.
    static var extensions: [String] { get }
    /// Whether a file or folder is of this format, judged by its bytes and never by its name.
    static func recognizes(_ file: ModelFile) -> Bool
    /// Reads a model.
    static func read(_ file: ModelFile, _ options: ReadOptions) throws -> Model
    /// Writes a model whole or not at all; all that cannot be written is said in one error beforehand.
    ///
    /// - Returns: what the user should know about what was written.
    static func write(_ model: Model, to path: String, _ options: WriteOptions) throws -> [String]
}

/// Every format Ferry reads or writes.
package enum FormatCatalogue {
    /// The formats; the first that recognizes a file reads it.
    package static let all: [any ModelFormat.Type] = [
        KerasHDF5Format.self, KerasWeightsFormat.self, KerasArchiveFormat.self,
        // Before ONNX, which has no magic number.
        SafetensorsFormat.self, TorchFormat.self, ONNXFormat.self,
    ]
}

/// A path and enough of what is there to tell formats apart.
package struct ModelFile: Sendable {
    /// Where it is.
    package let path: String
    /// Whether it is a folder.
    package let isFolder: Bool
    /// The first bytes, none for a folder.
    package let head: [UInt8]

    /// The last component of the path, with which error sentences begin.
    package var name: String { path.split(separator: "/").last.map(String.init) ?? path }
}

/// What a reader may need to know beside the file.
public struct ReadOptions: Sendable {
    /// A file with the architecture for a file that holds only weights: a Keras `config.json` or a model of any format.
    public var architecture: String?
    /// Operators for the layers of Keras files that Ferry cannot read, by the name of the layer or of its class; a name
    /// goes first.
    public var custom: [String: CustomLayer]

    /// Where libhdf5 runs, if an HDF5 file needs it.
    public var library: HDF5Isolation

    /// Nothing special.
    public init(
        architecture: String? = nil, custom: [String: CustomLayer] = [:], library: HDF5Isolation = .isolated
    ) {
        self.architecture = architecture
        self.custom = custom
        self.library = library
    }
}

/// Choices of a writer.
public struct WriteOptions: Sendable {
    /// The format by its name, such as `onnx`; nil takes it from the path's ending.
    public var format: String?
    /// The version of ONNX's operators.
    public var opset: Int
    /// The major version of Keras that shall read the file, 2 or 3.
    public var kerasVersion: Int

    /// ONNX opset 17 and Keras 3 where nothing else is said.
    public init(format: String? = nil, opset: Int = 17, kerasVersion: Int = 3) {
        self.format = format
        self.opset = opset
        self.kerasVersion = kerasVersion
    }
}
