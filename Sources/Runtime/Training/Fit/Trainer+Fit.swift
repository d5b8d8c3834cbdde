import FerryEngine
public import OrderedCollections

extension Trainer {
    /// Goes through the data `options.epochs` times.
    ///
    /// - Parameters:
    ///   - data: the samples.
    ///   - options: how to go through them.
    ///   - callbacks: what is told, in this order.
    ///   - history: that of an interrupted training, whose epochs are not repeated.
    /// - Returns: what each epoch gave.
    /// - Throws: ``FerryError`` where data and model do not fit, and what callbacks throw. `CancellationError` where the
    ///   task is cancelled.
    public func fit(
        _ data: TrainingData, _ options: FitOptions, callbacks: [any TrainingCallback] = [],
        continuing history: TrainingHistory = .init()
    ) throws -> TrainingHistory {
        try check(data, options)
        var (training, validation) = (data, options.validation)
        if validation == nil, options.validationShare > 0 {
            let parts = data.split(validation: options.validationShare)
            (training, validation) = (parts.training, parts.validation)
            try check(training, options)
        }
        if !options.classWeights.isEmpty { training = try training.weighted(byClass: options.classWeights) }
        self.history = history
        for callback in callbacks { try callback.begin(self) }
        while self.history.epochs.count < options.epochs, self.history.stopReason == nil {
            let epoch = self.history.epochs.count
            if options.resetsStates { resetStates() }
            var values = try trainEpoch(training, epoch, options, callbacks)
            if let validation {
                for (name, value) in try evaluate(validation, batchSize: options.batchSize) {
                    values["val_\(name)"] = value
                }
            }
            let result = EpochResult(epoch: epoch, values: values, learningRate: lastLearningRate)
            self.history.epochs.append(result)
            for callback in callbacks {
                if let reason = try callback.epochEnded(result, self) { self.history.stopReason = reason }
            }
        }
        finishAverages()
        for callback in callbacks { try callback.end(self.history, self) }
        return self.history
    }

    /// Goes through the data `epochs` times.
    public func fit(_ data: TrainingData, epochs: Int, batchSize: Int = 32, shuffles: Bool = true) throws
        -> TrainingHistory
    {
        try fit(data, FitOptions(epochs: epochs, batchSize: batchSize, shuffles: shuffles))
    }

    /// The loss and the metrics for data that nothing is learned from.
    ///
    /// - Throws: ``FerryError`` where data and model do not fit.
    public func evaluate(_ data: TrainingData, batchSize: Int = 32) throws -> OrderedDictionary<String, Double> {
        try data.check(inputs: graph.inputs.count, targets: heads.count { $0 != nil })
        var meter = EpochMeter(self)
        // Validation goes on from the states that training left, and leaves them as they were.
        var state = layerState
        for rows in Self.batches(Array(0..<data.count), batchSize) {
            let batch = data.samples(rows)
            try meter.add(evaluateBatch(batch, &state), batch)
        }
        return meter.values
    }

    private func trainEpoch(
        _ data: TrainingData, _ epoch: Int, _ options: FitOptions, _ callbacks: [any TrainingCallback]
    ) throws -> OrderedDictionary<String, Double> {
        var meter = EpochMeter(self)
        var order = Array(0..<data.count)
        if options.shuffles {
            var random = RandomSource(seed: seed &+ 0xD1B5_4A32 &* UInt64(epoch + 1))
            order.shuffle(using: &random)
        }
        var seen = 0
        for rows in Self.batches(order, options.batchSize) {
            try Task.checkCancellation()
            let batch = options.shuffles || rows.count < data.count ? data.samples(rows) : data
            for part in try parts(of: batch, options) { try meter.add(step(part), part) }
            seen += rows.count
            let progress = BatchProgress(
                epoch: epoch, epochs: options.epochs, samples: seen, total: data.count, loss: meter.loss)
            for callback in callbacks { try callback.batchEnded(progress, self) }
        }
        return meter.values
    }

    private static func batches(_ order: [Int], _ size: Int) -> [[Int]] {
        stride(from: 0, to: order.count, by: size).map { Array(order[$0..<min($0 + size, order.count)]) }
    }

    private var lastLearningRate: Float {
        optimizerState.learningRate
            ?? configuration.optimizer.settings.learningRate.value(at: max(optimizerState.iteration - 1, 0))
    }

    private func check(_ data: TrainingData, _ options: FitOptions) throws {
        try locating(source.name) {
            try data.check(inputs: graph.inputs.count, targets: heads.count { $0 != nil })
            guard options.batchSize > 0, options.epochs >= 0 else {
                throw FerryError(
                    .range, found: "batch size \(options.batchSize) and \(options.epochs) epochs",
                    expected: "a positive batch size and no negative number of epochs")
            }
        }
    }

    /// Puts the moving averages in the place of the parameters, as Keras does when training ends.
    private func finishAverages() {
        guard configuration.optimizer.settings.usesMovingAverage, let averages = optimizerState.slots["average"] else {
            return
        }
        for name in averages.names { parameters[name] = averages[name] }
    }
}
