import ArgumentParser
import Ferry

/// `ferry inspect MODEL`.
struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints what a model file holds: format, inputs, outputs, layers, warnings.",
        discussion: """
            Example:
              ferry inspect model.h5
              ferry inspect model.onnx --json
              ferry inspect model.keras --pytorch
              ferry inspect weights.safetensors
            """)

    @Argument(help: "The model; its bytes decide the format.", completion: .file())
    var model: String

    @Flag(help: "Print the same facts as JSON.")
    var json = false

    @Flag(help: "Print the Python of the PyTorch module that loads the model's tensors once Ferry wrote them.")
    var pytorch = false

    @Option(
        help: .init(ArchitectureHelp.text, valueName: "file or description"), completion: .file())
    var architecture: String?

    @OptionGroup var common: CommonOptions

    func run() throws {
        if architecture == nil, let stateDict = try StateDict(ifAt: model) {
            let summary = StateDictSummary(of: stateDict, file: model.lastPathComponent)
            if pytorch { throw summary.lacksArchitecture }
            return print(json ? summary.json.encoded(indent: 2) : summary.text.printableLines)
        }
        let content = try Model(contentsOf: model, options: ReadOptions(architecture: architecture))
        if pytorch {
            common.console.notes(content.metadata.notes)
            return print(try locating(model.lastPathComponent) { try TorchModule(content).python() })
        }
        let summary = try ModelSummary(of: content, file: model.lastPathComponent)
        print(json ? summary.json.encoded(indent: 2) : summary.text.printableLines)
    }
}
