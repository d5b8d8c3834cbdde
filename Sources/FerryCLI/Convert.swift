import ArgumentParser
import Ferry

/// `ferry convert INPUT OUTPUT`.
struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes a model in another format and proves that it computes the same.",
        discussion: """
            Example:
              ferry convert model.h5 model.onnx
              ferry convert old.h5 new.keras
              ferry convert lstm.weights.h5 lstm.onnx --architecture config.json
              ferry convert model.h5 small.onnx --quantize int8
              ferry convert checkpoint.pt weights.safetensors
              ferry convert lstm.pt lstm.keras --architecture 'lstm:in=4,hidden=6,layers=2,bidirectional -> linear:3'

            The file is read back and both models run on the same random inputs; the largest difference is printed. \
            Where they disagree, the output is removed.
            """)

    @Argument(help: "The model to read; its bytes decide the format.", completion: .file())
    var input: String

    @Argument(help: "The file to write; its ending decides the format.", completion: .file())
    var output: String

    @Option(help: .init("The format to write, where the ending does not say it.", valueName: "format"))
    var to: FormatName?

    @Option(help: .init("The version of ONNX's operators.", valueName: "version"))
    var opset = 17

    @Option(help: .init("The version of Keras that shall read the file.", valueName: "version"))
    var keras = KerasMajor.keras3

    @Option(
        help: .init(
            "Round the weights of dense and recurrent layers to int8 or bf16 and print what that costs.",
            valueName: "type"))
    var quantize: WeightOption?

    @Option(
        help: .init(ArchitectureHelp.text, valueName: "file or description"), completion: .file())
    var architecture: String?

    @Flag(help: "Do not read the file back.")
    var noVerify = false

    @OptionGroup var common: CommonOptions

    func run() throws {
        let options = WriteOptions(format: to?.name, opset: opset, kerasVersion: keras.rawValue)
        let format = try FormatCatalogue.format(for: output, options)
        if architecture == nil, quantize == nil, format is any StateDictFormat.Type,
            let stateDict = try StateDict(ifAt: input)
        {
            return try convert(stateDict, options)
        }
        let source = try Model(contentsOf: input, options: ReadOptions(architecture: architecture))
        common.console.notes(source.metadata.notes)
        let model = try rounded(source)
        if noVerify {
            common.console.notes(try model.write(to: output, options: options))
        } else {
            let (notes, differences) = try model.writeVerified(
                as: input.lastPathComponent, to: output, options: options,
                rereading: ReadOptions(architecture: architectureForRereading))
            common.console.notes(notes)
            print(differences.summary)
        }
    }

    /// The input where it holds an architecture itself, which then was the one that counted.
    private var architectureForRereading: String {
        guard let architecture, (try? Model(contentsOf: input)) == nil else { return input }
        return architecture
    }

    /// The model with its weights rounded as asked; the difference that makes is printed.
    private func rounded(_ model: Model) throws -> Model {
        guard let quantize else { return model }
        let name = input.lastPathComponent
        let rounded = try locating(name) { try model.rounded(to: quantize.precision) }
        if !noVerify {
            let losses = try Verification.compare(rounded, model, names: ("\(name) in \(quantize.rawValue)", name))
            print("\(quantize.rawValue) weights: \(losses.summary)")
        }
        common.console.note("the weights are rounded to \(quantize.rawValue) and written as float32")
        return rounded
    }

    /// Writes tensors in another container and reads them back bit for bit.
    private func convert(_ stateDict: StateDict, _ options: WriteOptions) throws {
        common.console.notes(stateDict.notes)
        common.console.notes(
            noVerify
                ? try stateDict.write(to: output, options: options)
                : try stateDict.writeVerified(to: output, options: options))
        if !noVerify { print("\(stateDict.tensors.count) tensors, the same bit for bit") }
    }
}
