import ArgumentParser
import Ferry

/// `ferry verify A B`.
struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs two models on the same random inputs and prints the largest difference.",
        discussion: """
            Example:
              ferry verify model.h5 model.onnx

            Inputs and outputs are matched by their order. The exit status is 0 where no output differs by more than \
            1e-5 of its scale, and 1 where one does.
            """)

    @Argument(help: "A model.", completion: .file())
    var first: String

    @Argument(help: "The model that it should equal.", completion: .file())
    var second: String

    @Option(
        help: .init("A file with the architecture for a model that holds only weights.", valueName: "file"),
        completion: .file())
    var architecture: String?

    @OptionGroup var common: CommonOptions

    func run() throws {
        let options = ReadOptions(architecture: architecture)
        let models = (try Model(contentsOf: first, options: options), try Model(contentsOf: second, options: options))
        common.console.notes(models.0.metadata.notes + models.1.metadata.notes)
        let differences = try Verification.compare(models.0, models.1, names: names)
        print(differences.summary)
        guard differences.areWithin(.conversion) else { throw ExitCode.failure }
    }

    /// What sentences call the two: the names of the files, or the paths where the names are equal.
    private var names: (String, String) {
        let names = (first.lastPathComponent, second.lastPathComponent)
        return names.0 == names.1 ? (first, second) : names
    }
}
