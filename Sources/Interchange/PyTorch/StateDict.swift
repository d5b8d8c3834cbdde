package import FerryEngine
public import OrderedCollections

/// The tensors of a PyTorch module by name: what `module.state_dict()` gives, without the module.
public struct StateDict: Sendable {
    /// The tensors, in their order.
    public var tensors: OrderedDictionary<String, TorchTensor>
    /// For each name whose tensor lies in the memory of an earlier one, as tied weights do, the earlier name.
    public var ties: [String: String] = [:]
    /// The texts that a `.safetensors` file keeps beside its tensors.
    public var metadata: OrderedDictionary<String, String> = [:]
    /// The container it was read from, such as `safetensors`; nil where it was made in Swift.
    public var format: String?
    /// What wrote it, as far as the file says.
    public var producer: String?
    /// What a user should know: what was ignored by name.
    public var notes: [String] = []
    /// Whether the order is that of the module, which `.safetensors` files sorted by name have lost.
    var keepsModuleOrder = true

    /// A state dict of these tensors.
    public init(_ tensors: OrderedDictionary<String, TorchTensor> = [:]) { self.tensors = tensors }

    /// Reads the tensors of the file at `path`; its bytes decide the container, never its name.
    ///
    /// - Throws: ``FerryError`` that begins with the file's name.
    public init(contentsOf path: String) throws {
        guard let stateDict = try StateDict(ifAt: path) else {
            throw FerryError(
                .wrongFormat, at: [path.lastPathComponent], found: "is no state dict",
                expected: "a file of torch.save or safetensors")
        }
        self = stateDict
    }

    /// Reads the tensors of the file at `path`; nil where another kind of file is there.
    package init?(ifAt path: String) throws {
        let file = try ModelFile(at: path)
        guard
            let format = FormatCatalogue.all.first(where: { $0.recognizes(file) }) as? any StateDictFormat.Type
        else { return nil }
        self = try locating(file: file.name) { try format.readStateDict(file) }
    }

    /// Writes the tensors in place of the file at `path`, whole or not at all; the ending decides the container.
    ///
    /// - Returns: what the user should know about what was written.
    @discardableResult
    public func write(to path: String, options: WriteOptions = .init()) throws -> [String] {
        guard let format = try FormatCatalogue.format(for: path, options) as? any StateDictFormat.Type else {
            throw StateDict.needsArchitecture(at: [path.lastPathComponent])
        }
        return try locating(file: path.lastPathComponent) { try format.write(self, to: path) }
    }

    /// The error for tensors that shall become a model.
    static func needsArchitecture(at place: [String] = []) -> FerryError {
        FerryError(
            .missingKey, at: place, found: "tensors without a graph", expected: "a whole model",
            remedy:
                "give the architecture with --architecture: a model file, a Keras config.json, or a description such as 'lstm:in=4,hidden=6 -> linear:3'"
        )
    }
}

/// A container of state dicts.
package protocol StateDictFormat: ModelFormat {
    /// Reads the tensors.
    static func readStateDict(_ file: ModelFile) throws -> StateDict
    /// Writes the tensors whole or not at all.
    ///
    /// - Returns: what the user should know about what was written.
    static func write(_ stateDict: StateDict, to path: String) throws -> [String]
}
