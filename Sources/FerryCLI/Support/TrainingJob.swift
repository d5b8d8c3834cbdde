import Ferry

/// What is to be trained on what.
struct TrainingJob {
    let model: Model
    let configuration: TrainingConfiguration
    let training: TrainingData
    let validation: TrainingData?
    /// The task behind a forecast, which knows the units of the data.
    var forecast: ForecastTask?

    /// A model from a file, on arrays from files.
    static func arrays(_ file: String, _ arrays: TrainArrayOptions, _ fitting: FitCommandOptions) throws -> TrainingJob
    {
        guard !arrays.x.isEmpty, !arrays.y.isEmpty else {
            throw FerryError(
                .usage, at: [file.lastPathComponent], found: "no data to train on", expected: "--x FILE and --y FILE",
                remedy: "or give a .csv table, or a text with --text")
        }
        var model = try Model(contentsOf: file)
        // What is asked for now stands above the rate that the file's optimiser had come to.
        if let rate = fitting.learningRate { model.metadata.optimizerState?.learningRate = Float(rate) }
        let targets = try arrays.y.flatMap(tensors)
        var weights = try arrays.sampleWeight.flatMap(tensors)
        if weights.count == 1 { weights = targets.map { _ in weights[0] } }
        let data = TrainingData(inputs: try arrays.x.flatMap(tensors), targets: targets, sampleWeights: weights)
        let configuration = try locating(file.lastPathComponent) {
            try fitting.configuration(model.trainingConfiguration())
        }
        guard let share = fitting.validationSplit else {
            return TrainingJob(model: model, configuration: configuration, training: data, validation: nil)
        }
        let (training, validation) = data.split(validation: share)
        return TrainingJob(model: model, configuration: configuration, training: training, validation: validation)
    }

    /// A new model that predicts a column of a table.
    static func forecast(
        _ file: String, _ options: ForecastOptions, _ layers: String, _ fitting: FitCommandOptions
    ) throws -> TrainingJob {
        guard let target = options.target else {
            throw FerryError(
                .usage, at: [file.lastPathComponent], found: "no column to predict", expected: "--target COLUMN")
        }
        let layers = try LayerList(option: layers)
        let configuration = try fitting.configuration(
            TrainingConfiguration(optimizer: Adam(), loss: MeanSquaredError()))
        let text = try FileText.read(file)
        var task = ForecastTask(
            target: target, features: options.features?.split(separator: ",").map(String.init) ?? [],
            windows: Windows(options.window, horizon: options.horizon),
            missing: MissingValues(rawValue: options.missing.rawValue) ?? .interpolate,
            scaler: Scaler.Kind(rawValue: options.scaler.rawValue) ?? .minMax)
        let (training, validation) = try locating(file.lastPathComponent) {
            try task.fit(CSVTable(parsing: text), validation: fitting.validationSplit ?? 0.2)
        }
        return TrainingJob(
            model: try task.model(layers, seed: fitting.seed), configuration: configuration, training: training,
            validation: validation, forecast: task)
    }

    /// A new model that continues a text.
    static func text(
        _ file: String, _ unit: TextOptions.Unit, _ options: TextOptions, _ layers: String, seed: UInt64
    ) throws -> TrainingJob {
        let layers = try LayerList(option: layers, returnsSequences: true)
        let text = try FileText.read(file)
        let task = try locating(file.lastPathComponent) {
            try TextTask(text, unit: unit == .char ? .character : .word, length: options.sequenceLength)
        }
        if let path = options.tokenizer { try task.tokenizer.json.encoded().write(toFile: path) }
        let loss = SparseCategoricalCrossentropy()
        return TrainingJob(
            model: try task.model(layers, embedding: options.embedding, seed: seed),
            configuration: TrainingConfiguration(optimizer: Adam(), loss: loss, metrics: [Accuracy()]),
            training: task.data, validation: nil)
    }

    private static func tensors(_ path: String) throws -> [Tensor] {
        let file = path.lastPathComponent.lowercased()
        if file.hasSuffix(".npz") { return Array(try NPZFile.read(path).values) }
        if file.hasSuffix(".csv") { return [try CSVMatrix.read(path)] }
        return [try NPYFile.read(path)]
    }
}

extension LayerList {
    /// The layers that `--layers` lists.
    fileprivate init(option text: String, returnsSequences: Bool = false) throws {
        self = try locating("--layers") { try LayerList(text, returnsSequences: returnsSequences) }
    }
}

extension FitCommandOptions {
    /// What is asked for, where something is; else what the file says.
    func configuration(_ known: TrainingConfiguration?) throws -> TrainingConfiguration {
        var configuration = try known ?? named()
        if let optimizer { configuration.optimizer = try ConfiguredOptimizerCatalogue.optimizer(.string(optimizer)) }
        if let learningRate { configuration.optimizer.settings.learningRate = .constant(Float(learningRate)) }
        if let clipnorm { configuration.optimizer.settings.clipNorm = clipnorm }
        if let loss { configuration.losses = [try ConfiguredLossCatalogue.loss(.string(loss))] }
        if !metric.isEmpty { configuration.metrics = [try metric.map { try ConfiguredMetrics.metric(.string($0)) }] }
        return configuration
    }

    private func named() throws -> TrainingConfiguration {
        guard let loss else {
            throw FerryError(
                .usage, found: "the model is not compiled", expected: "--loss NAME",
                remedy: "such as --loss mse --optimizer adam")
        }
        return TrainingConfiguration(
            optimizer: Adam(), losses: [try ConfiguredLossCatalogue.loss(.string(loss))])
    }

    /// How ``Trainer`` goes through the data.
    var options: FitOptions {
        var options = FitOptions(epochs: epochs, batchSize: batchSize, shuffles: !noShuffle)
        options.truncation = truncate
        return options
    }
}
