package import FerryEngine
public import FerryRuntime
import OrderedCollections

/// Keeps the last and the best epoch in a folder, so that a training that was cut off goes on as if it had not been.
///
/// `last.keras` holds the model, the optimiser and everything else that decides what comes next; `best.keras` the
/// model of the best epoch. Both are opened by Keras, too. Each is replaced as a whole or not at all.
public final class TrainingCheckpoint: TrainingCallback {
    private let folder: String
    private let monitor: Monitor
    private let others: [any TrainingCallback]
    private var best: Double?

    /// - Parameters:
    ///   - folder: where the files go; it must be there.
    ///   - monitor: what the best epoch is best at.
    ///   - others: the callbacks beside this one, whose state is kept, too; this one must come after them.
    public init(folder: String, monitor: Monitor = .init("loss"), keeping others: [any TrainingCallback] = []) {
        self.folder = folder
        self.monitor = monitor
        self.others = others
    }

    /// The file that a training goes on from.
    public var lastFile: String { folder + "/last.keras" }
    /// The model of the best epoch.
    public var bestFile: String { folder + "/best.keras" }

    public func epochEnded(_ result: EpochResult, _ trainer: Trainer) throws -> String? {
        let value = try monitor.value(result)
        let model = try trainer.model.compiled(trainer.configuration)
        if monitor.isBetter(value, than: best) {
            best = value
            _ = try model.write(to: bestFile)
        }
        var last = model
        last.metadata.attributes[Self.attribute] = state(of: trainer)
        _ = try last.write(to: lastFile)
        return nil
    }

    /// The model and the history that a training in `folder` had reached; nil where there is none.
    ///
    /// - Throws: ``FerryError`` where the file is damaged.
    public static func last(in folder: String) throws -> Model? {
        let file = folder + "/last.keras"
        return (try? FileBytes.prefix(of: file, 0)) == nil ? nil : try Model(contentsOf: file)
    }

    /// Puts a trainer of the model that ``last(in:)`` gave, and all callbacks, where they were.
    ///
    /// - Returns: the history so far, to be given to ``Trainer/fit(_:_:callbacks:continuing:)``.
    /// - Throws: ``FerryError`` where the model was saved by nothing of this kind.
    public func resume(_ model: Model, _ trainer: Trainer) throws -> TrainingHistory {
        guard let state = model.metadata.attributes[Self.attribute] else {
            throw FerryError(
                .json, at: [lastFile], found: "a model without the state of a training", expected: "a checkpoint",
                remedy: "remove the file to begin afresh")
        }
        return try locating("\(lastFile) › metadata '\(Self.attribute)'") {
            best = state["best"]?.doubleValue
            try trainer.resume(seed: state["seed"]?.stringValue, states: state["states"])
            for callback in others {
                if let saved = state["callbacks"]?[callback.kind] { try callback.resume(from: saved, trainer) }
            }
            return try TrainingHistory(json: state["history"] ?? .null)
        }
    }

    private static let attribute = "training"

    private func state(of trainer: Trainer) -> JSONValue {
        var callbacks: OrderedDictionary<String, JSONValue> = [:]
        for callback in others { callbacks[callback.kind] = callback.resumeState }
        return [
            "best": best.map(JSONValue.double) ?? .null, "seed": .string("\(trainer.seed)"),
            "states": trainer.layerState.json, "history": trainer.history.json, "callbacks": .object(callbacks),
        ]
    }
}

extension TrainingHistory {
    /// The history as JSON.
    fileprivate var json: JSONValue {
        [
            "stop_reason": stopReason.map(JSONValue.string) ?? .null,
            "epochs": .array(
                epochs.map { result in
                    [
                        "values": .object(result.values.mapValues(JSONValue.double)),
                        "learning_rate": .double(Double(result.learningRate)),
                    ]
                }),
        ]
    }

    /// The history that ``json`` describes.
    fileprivate init(json: JSONValue) throws {
        self.init()
        guard let list = json["epochs"]?.arrayValue else {
            throw FerryError(.json, found: "a history without epochs", expected: "a list of them")
        }
        stopReason = json["stop_reason"]?.stringValue
        epochs = list.enumerated().map { index, result in
            EpochResult(
                epoch: index, values: result["values"]?.objectValue?.compactMapValues(\.doubleValue) ?? [:],
                learningRate: Float(result["learning_rate"]?.doubleValue ?? 0))
        }
    }
}
