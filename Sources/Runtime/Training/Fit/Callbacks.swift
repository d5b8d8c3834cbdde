public import FerryEngine
import OrderedCollections

/// Which number of an epoch a callback watches, and what counts as better.
public struct Monitor: Sendable, Equatable {
    /// The name of the number, such as `val_loss`.
    public var name: String
    /// Whether larger is better; nil to tell by the name, as Keras does: accuracies, AUC, precision and recall are.
    public var isBetterLarger: Bool?
    /// By how much a number must differ to be better.
    public var minimumDelta: Double

    /// Watches `name`.
    public init(_ name: String = "val_loss", isBetterLarger: Bool? = nil, minimumDelta: Double = 0) {
        self.name = name
        self.isBetterLarger = isBetterLarger
        self.minimumDelta = minimumDelta
    }

    /// Whether `value` is better than `best`.
    public func isBetter(_ value: Double, than best: Double?) -> Bool {
        guard let best else { return !value.isNaN }
        return isLarger ? value > best + minimumDelta : value < best - minimumDelta
    }

    private var isLarger: Bool {
        isBetterLarger ?? ["acc", "auc", "precision", "recall"].contains { name.contains($0) }
    }

    /// The number in an epoch's result.
    ///
    /// - Throws: ``FerryError/Code/range`` where there is none of this name.
    public func value(_ result: EpochResult) throws -> Double {
        guard let value = result.values[name] else {
            throw FerryError(
                .range, found: "no '\(name)' in an epoch's results", expected: "one of \(Array(result.values.keys))",
                remedy: name.hasPrefix("val_") ? "give validation data or a validation split" : nil)
        }
        return value
    }
}

/// Ends training when a number has not become better for some epochs (Keras `EarlyStopping`).
public final class EarlyStopping: TrainingCallback {
    private let monitor: Monitor
    private let patience: Int
    private let restoresBest: Bool
    private let startEpoch: Int
    private var best: Double?
    private var bestEpoch = 0
    private var waited = 0
    private var bestParameters: ParameterSet?

    /// Stops after `patience` epochs without a better number; `restoresBest` puts the best epoch's parameters back.
    public init(_ monitor: Monitor = .init(), patience: Int = 0, restoresBest: Bool = false, startEpoch: Int = 0) {
        self.monitor = monitor
        self.patience = patience
        self.restoresBest = restoresBest
        self.startEpoch = startEpoch
    }

    public func epochEnded(_ result: EpochResult, _ trainer: Trainer) throws -> String? {
        let value = try monitor.value(result)
        guard result.epoch >= startEpoch else { return nil }
        if restoresBest, bestParameters == nil {
            bestParameters = trainer.parameters
            bestEpoch = result.epoch
        }
        if monitor.isBetter(value, than: best) {
            (best, bestEpoch, waited) = (value, result.epoch, 0)
            if restoresBest { bestParameters = trainer.parameters }
            return nil
        }
        waited += 1
        guard waited >= patience else { return nil }
        return "'\(monitor.name)' has not become better for \(waited) epochs; the best was epoch \(bestEpoch + 1)"
    }

    public func end(_ history: TrainingHistory, _ trainer: Trainer) throws {
        if let bestParameters { trainer.parameters = bestParameters }
    }

    public var resumeState: JSONValue? {
        .object([
            "best": best.map(JSONValue.double) ?? .null, "best_epoch": .int(bestEpoch),
            "waited": .int(waited),
            "parameters": bestParameters?.json ?? .null,
        ])
    }

    public func resume(from state: JSONValue, _ trainer: Trainer) throws {
        best = state["best"]?.doubleValue
        bestEpoch = state["best_epoch"]?.intValue ?? 0
        waited = state["waited"]?.intValue ?? 0
        bestParameters = try state["parameters"].flatMap { try $0.isNull ? nil : ParameterSet(json: $0) }
    }
}

/// Makes the learning rate smaller when a number has not become better for some epochs (Keras `ReduceLROnPlateau`).
public final class ReduceOnPlateau: TrainingCallback {
    private let monitor: Monitor
    private let factor: Double
    private let patience: Int
    private let cooldown: Int
    private let minimum: Double
    private var best: Double?
    private var waited = 0
    private var cooling = 0

    /// Keras's defaults.
    public init(
        _ monitor: Monitor = Monitor(minimumDelta: 1e-4), factor: Double = 0.1, patience: Int = 10, cooldown: Int = 0,
        minimum: Double = 0
    ) {
        self.monitor = monitor
        self.factor = factor
        self.patience = patience
        self.cooldown = cooldown
        self.minimum = minimum
    }

    public func epochEnded(_ result: EpochResult, _ trainer: Trainer) throws -> String? {
        let value = try monitor.value(result)
        if cooling > 0 {
            cooling -= 1
            waited = 0
        }
        if monitor.isBetter(value, than: best) {
            (best, waited) = (value, 0)
        } else if cooling == 0 {
            waited += 1
            if waited >= patience { try reduce(trainer) }
        }
        return nil
    }

    private func reduce(_ trainer: Trainer) throws {
        guard let rate = trainer.optimizerState.learningRate else {
            throw FerryError(
                .range, found: "a learning rate that a schedule decides", expected: "one that can be reduced",
                remedy: "use a schedule or ReduceOnPlateau, not both")
        }
        guard Double(rate) > minimum else { return }
        trainer.optimizerState.learningRate = Float(max(Double(rate) * factor, minimum))
        (cooling, waited) = (cooldown, 0)
    }

    public var resumeState: JSONValue? {
        .object([
            "best": best.map(JSONValue.double) ?? .null, "waited": .int(waited),
            "cooling": .int(cooling),
        ])
    }

    public func resume(from state: JSONValue, _ trainer: Trainer) throws {
        best = state["best"]?.doubleValue
        waited = state["waited"]?.intValue ?? 0
        cooling = state["cooling"]?.intValue ?? 0
    }
}

/// Sets the learning rate before each epoch (Keras `LearningRateScheduler`).
public final class LearningRateScheduler: TrainingCallback {
    private let rate: (_ epoch: Int, _ rate: Float) -> Float

    /// `rate` is given the number of the epoch about to begin, counted from 0, and the rate now in force.
    public init(_ rate: @escaping (_ epoch: Int, _ rate: Float) -> Float) { self.rate = rate }

    public func begin(_ trainer: Trainer) throws {
        trainer.optimizerState.learningRate = rate(0, trainer.learningRate)
    }

    public func epochEnded(_ result: EpochResult, _ trainer: Trainer) throws -> String? {
        trainer.optimizerState.learningRate = rate(result.epoch + 1, trainer.learningRate)
        return nil
    }
}
