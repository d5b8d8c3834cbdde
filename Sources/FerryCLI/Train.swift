import ArgumentParser
import Ferry

/// `ferry train INPUT -o MODEL`.
struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Trains a model on arrays, a forecast on a table, or a model of text.",
        discussion: """
            Example:
              ferry train model.keras --x x.npy --y y.npy --epochs 50 -o trained.keras --history loss.csv
              ferry train prices.csv --target close --features open,volume --window 30 --horizon 5 \
            --layers 'lstm:64,dropout:0.2,lstm:32' --early-stopping 10 -o model.keras --plot report.html
              ferry train book.txt --text char --layers 'lstm:128' -o model.keras

            What the file says about optimizer, loss and metrics holds unless options say otherwise. With --checkpoint, \
            a training that was cut off goes on where it was when the same command is given again.
            """)

    @Argument(help: "A model to train on --x and --y, a .csv table, or with --text a text.", completion: .file())
    var input: String

    @OptionGroup(title: "Arrays") var arrays: TrainArrayOptions
    @OptionGroup(title: "Forecasts from a table") var forecast: ForecastOptions
    @OptionGroup(title: "Text") var text: TextOptions
    @OptionGroup(title: "Training") var fitting: FitCommandOptions

    @Option(
        help: .init("The layers of a new model: lstm:64,dropout:0.2,dense:16:relu …", valueName: "list"))
    var layers = "lstm:64"

    @Option(name: .shortAndLong, help: .init("Where the trained model goes.", valueName: "file"), completion: .file())
    var output: String

    @Option(
        help: .init("A page with loss curves, and predictions beside what really was.", valueName: "file.html"),
        completion: .file(extensions: ["html"]))
    var plot: String?

    @OptionGroup var common: CommonOptions

    func run() throws {
        _ = try FormatCatalogue.format(for: output, WriteOptions())
        let job = try self.job()
        let run = TrainingRun(job, fitting, console: common.console)
        let trained = try run.train()
        common.console.notes(try trained.model.write(to: output))
        if let plot { try trained.report(named: input.lastPathComponent).html.write(toFile: plot) }
        print(trained.summary)
    }

    /// What is to be trained on what, as the input and the options say.
    private func job() throws -> TrainingJob {
        if let unit = text.text {
            return try TrainingJob.text(input, unit, text, layers, seed: fitting.seed)
        }
        if input.lowercased().hasSuffix(".csv") {
            return try TrainingJob.forecast(input, forecast, layers, fitting)
        }
        return try TrainingJob.arrays(input, arrays, fitting)
    }
}

/// Where the arrays of a training are.
struct TrainArrayOptions: ParsableArguments {
    @Option(help: .init("Inputs: a .npy or .npz file for each of the model's.", valueName: "file"))
    var x: [String] = []

    @Option(help: .init("Targets: a .npy or .npz file for each output that has a loss.", valueName: "file"))
    var y: [String] = []

    @Option(
        help: .init(
            "What each sample counts: a .npy or .npz file for all outputs, or one for each.", valueName: "file"))
    var sampleWeight: [String] = []
}

/// What a forecast from a table is told.
struct ForecastOptions: ParsableArguments {
    @Option(help: .init("The column to predict.", valueName: "column"))
    var target: String?

    @Option(help: .init("More columns to predict from, separated by commas.", valueName: "columns"))
    var features: String?

    @Option(help: .init("How many rows the model sees.", valueName: "rows"))
    var window = 30

    @Option(help: .init("How many rows ahead it predicts.", valueName: "rows"))
    var horizon = 1

    @Option(help: .init("How columns are scaled: minmax, standard, robust or none.", valueName: "kind"))
    var scaler = ScalerName.minmax

    @Option(help: .init("What stands for missing values: interpolate, ffill, mean or mask.", valueName: "rule"))
    var missing = MissingName.interpolate
}

/// A scaler as the command line names it.
enum ScalerName: String, ExpressibleByArgument, CaseIterable { case minmax, standard, robust, none }

/// A rule for missing values as the command line names it.
enum MissingName: String, ExpressibleByArgument, CaseIterable { case interpolate, ffill, mean, mask }

/// What a model of text is told.
struct TextOptions: ParsableArguments {
    /// What a token is.
    enum Unit: String, ExpressibleByArgument, CaseIterable { case char, word }

    @Option(help: .init("Train a model of text, by characters or words.", valueName: "char|word"))
    var text: Unit?

    @Option(help: .init("How many tokens a training sequence has.", valueName: "count"))
    var sequenceLength = 60

    @Option(help: .init("The length of a token's vector.", valueName: "count"))
    var embedding = 32

    @Option(
        help: .init("Also write the tokenizer, as Keras's Tokenizer does.", valueName: "file.json"),
        completion: .file(extensions: ["json"]))
    var tokenizer: String?
}

/// How the data are gone through, whatever they are.
struct FitCommandOptions: ParsableArguments {
    @Option(help: .init("How often all samples are seen.", valueName: "count"))
    var epochs = 50

    @Option(help: .init("How many samples make one update.", valueName: "count"))
    var batchSize = 32

    @Option(help: .init("adam, sgd, rmsprop, adamw, adagrad, adadelta, adamax or nadam.", valueName: "name"))
    var optimizer: String?

    @Option(help: .init("The size of an update.", valueName: "number"))
    var learningRate: Double?

    @Option(help: .init("mse, mae, huber, categorical_crossentropy … as Keras names losses.", valueName: "name"))
    var loss: String?

    @Option(help: .init("Metrics as Keras names them: once for each.", valueName: "name"))
    var metric: [String] = []

    @Option(help: .init("The longest that each parameter's gradient may be.", valueName: "number"))
    var clipnorm: Double?

    @Flag(help: "Take the samples in their order in every epoch.")
    var noShuffle = false

    @Option(help: .init("Decides first weights, the order of samples and dropout.", valueName: "number"))
    var seed: UInt64 = 0

    @Option(help: .init("The share of samples, the last ones, that are kept for validation.", valueName: "share"))
    var validationSplit: Double?

    @Option(help: .init("Stop after so many epochs without a better loss, and keep the best.", valueName: "epochs"))
    var earlyStopping: Int?

    @Option(help: .init("Learn from so many time steps at a time, states being carried on.", valueName: "steps"))
    var truncate: Int?

    @Option(
        help: .init("The numbers of every epoch, a line each.", valueName: "file.csv"),
        completion: .file(extensions: ["csv"]))
    var history: String?

    @Option(
        help: .init("A folder for the last and the best epoch, from which training goes on.", valueName: "folder"),
        completion: .directory)
    var checkpoint: String?
}
