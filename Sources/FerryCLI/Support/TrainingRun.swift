import Ferry

/// One training from the command line, from the first epoch or from a checkpoint.
struct TrainingRun {
    private let job: TrainingJob
    private let fitting: FitCommandOptions
    private let console: Console

    init(_ job: TrainingJob, _ fitting: FitCommandOptions, console: Console) {
        self.job = job
        self.fitting = fitting
        self.console = console
    }

    /// A model that was trained, and how that went.
    struct Result {
        let model: Model
        let history: TrainingHistory
        let job: TrainingJob
    }

    func train() throws -> Result {
        var options = fitting.options
        options.validation = job.validation
        let watched = job.validation == nil ? "loss" : "val_loss"
        var callbacks: [any TrainingCallback] = []
        if let patience = fitting.earlyStopping {
            callbacks.append(EarlyStopping(Monitor(watched), patience: patience, restoresBest: true))
        }
        let checkpoint = try fitting.checkpoint.map { folder in
            try Folder.make(folder)
            return TrainingCheckpoint(folder: folder, monitor: Monitor(watched), keeping: callbacks)
        }
        console.notes(job.configuration.notes)
        let (trainer, history) = try start(checkpoint)
        if let path = fitting.history { callbacks.append(HistoryLog(path)) }
        if let checkpoint { callbacks.append(checkpoint) }
        if let bar = ProgressBar(console) { callbacks.append(bar) }
        let result = try trainer.fit(job.training, options, callbacks: callbacks, continuing: history)
        if let reason = result.stopReason { console.note("stopped after epoch \(result.epochs.count): \(reason)") }
        warnIfNothingWasLearned(result)
        return Result(model: try trainer.model.compiled(job.configuration), history: result, job: job)
    }

    /// A trainer at the beginning, or where a checkpoint left off.
    private func start(_ checkpoint: TrainingCheckpoint?) throws -> (Trainer, TrainingHistory) {
        guard let checkpoint, let folder = fitting.checkpoint, let last = try TrainingCheckpoint.last(in: folder) else {
            return (try Trainer(job.model, job.configuration, seed: fitting.seed), TrainingHistory())
        }
        let trainer = try Trainer(last, job.configuration, seed: fitting.seed)
        let history = try checkpoint.resume(last, trainer)
        console.note("going on after epoch \(history.epochs.count) of \(checkpoint.lastFile)")
        return (trainer, history)
    }

    private func warnIfNothingWasLearned(_ history: TrainingHistory) {
        guard let first = history.losses.first, let best = history.losses.min(), history.losses.count > 4,
            best > first * 0.99, first > 0
        else { return }
        console.note(
            "the loss did not fall: \(Float(first)) at first, \(Float(best)) at best; try another learning rate, "
                + "scale the data, or check that inputs and targets belong together")
    }
}

extension TrainingRun.Result {
    /// One line for standard output.
    var summary: String {
        guard let last = history.epochs.last else { return "trained for no epoch" }
        let numbers = last.values.map { "\($0) \(Float($1))" }.joined(separator: ", ")
        return "\(history.epochs.count) epochs: \(numbers)"
    }

    /// A page about the training of `name`.
    func report(named name: String) throws -> TrainingReport {
        var report = TrainingReport(title: "Training on \(name)", history: history)
        report.facts = [
            ("samples", "\(job.training.count)" + (job.validation.map { ", and \($0.count) for validation" } ?? "")),
            ("epochs", "\(history.epochs.count)"), ("optimizer", job.configuration.optimizer.kind),
            ("final loss", history.losses.last.map { "\(Float($0))" } ?? "—"),
        ]
        if let reason = history.stopReason { report.facts.append(("stopped", reason)) }
        guard let data = job.validation ?? (job.forecast == nil ? nil : job.training), data.targets.count == 1,
            data.targets[0].rank <= 2
        else { return report }
        let predicted = try InferenceSession(model).predict(data.inputs)[0]
        report.predictions = (column(predicted), column(data.targets[0]))
        return report
    }

    /// The first column, the step just ahead, in the units of the data.
    private func column(_ tensor: Tensor) -> [Double] {
        let width = max(tensor.shape.dropFirst().reduce(1, *), 1)
        let values = tensor.floats
        let first = stride(from: 0, to: values.count, by: width).map { values[$0] }
        return job.forecast?.unscaled(first) ?? first.map(Double.init)
    }
}
