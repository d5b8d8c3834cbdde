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
            """)

    @Argument(help: "The model; its bytes decide the format.", completion: .file())
    var model: String

    @Flag(help: "Print the same facts as JSON.")
    var json = false

    @Option(
        help: .init("A file with the architecture for a model that holds only weights.", valueName: "file"),
        completion: .file())
    var architecture: String?

    @OptionGroup var common: CommonOptions

    func run() throws {
        let content = try Model(contentsOf: model, options: ReadOptions(architecture: architecture))
        let summary = try ModelSummary(of: content, file: model.lastPathComponent)
        print(json ? summary.json.encoded(indent: 2) : summary.text)
    }
}
