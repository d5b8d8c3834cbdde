import ArgumentParser
import Ferry

/// `ferry predict MODEL -i FILE -o FILE`.
struct Predict: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a model on arrays from files.",
        discussion: """
            Example:
              ferry predict model.h5 -i x.npy -o y.npy
              ferry predict model.onnx -i tokens=ids.npy -i lengths=n.npy -o out.npz
              ferry predict demo.h5 -i windows.csv -o -

            An .npz file gives several inputs, by their names or else in its own order. A .csv file holds one sample a \
            line, or one sequence with a time step a line. A model that 'ferry train TABLE' made takes a table with the same \
            columns, and predicts what follows its last row.
            """)

    @Argument(help: "The model; its bytes decide the format.", completion: .file())
    var model: String

    @Option(
        name: .shortAndLong,
        help: .init(
            "An input in a .npy, .npz or .csv file: once for each, by name or in the model's order.",
            valueName: "[name=]file"), completion: .file(extensions: ["npy", "npz", "csv"]))
    var input: [String]

    @Option(
        name: .shortAndLong,
        help: .init("A .npy file for one output, .npz for any number; '-' prints JSON.", valueName: "file"),
        completion: .file(extensions: ["npy", "npz"]))
    var output: String

    @Flag(
        help: """
            Take the rows of the inputs for consecutive calls, from each of which states go on to the next. States that \
            a model takes as inputs and gives as outputs begin with zeros, unless -i names them; the last ones come out.
            """)
    var stateful = false

    @Option(
        help: .init(ArchitectureHelp.text, valueName: "file or description"), completion: .file())
    var architecture: String?

    @OptionGroup var common: CommonOptions

    func run() throws {
        let target = try OutputFile(output)
        let model = try Model(contentsOf: self.model, options: ReadOptions(architecture: architecture))
        let name = self.model.lastPathComponent
        common.console.notes(model.metadata.notes)
        let names = model.graph.outputNames
        try locating(name) { try target.requireRoom(for: names) }

        if let forecast = try forecast(model, name) { return try target.write([(names[0], forecast)]) }
        let prediction = Prediction(model, carriesStates: stateful)
        let files = InputFiles(for: model, in: name, prediction, console: common.console)
        let arrays = try files.arranged(input.flatMap(files.read))
        let inputs = try arrays.enumerated().map { place, array in try array.map { try files.fitted($0, at: place) } }
        let outputs = try locating(name) { try prediction.run(inputs) }
        try target.write(zip(names, outputs).map { ($0, $1) })
    }

    /// What follows the rows of a table, in the units of the data, where the model was trained to forecast it.
    private func forecast(_ model: Model, _ name: String) throws -> Tensor? {
        guard let task = try ForecastTask(of: model), input.count == 1, input[0].lowercased().hasSuffix(".csv") else {
            return nil
        }
        return try locating("\(name) › \(input[0].lastPathComponent)") {
            let values = try task.forecast(CSVTable(parsing: FileText.read(input[0])), InferenceSession(model))
            return Tensor(values.map { Float($0) }, shape: [1, values.count])
        }
    }
}
