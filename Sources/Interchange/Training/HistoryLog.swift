public import FerryRuntime
import OrderedCollections

/// Writes the numbers of every epoch to a CSV file, a line each (Keras `CSVLogger`).
///
/// The file is written anew after each epoch, so that it is whole whenever training is cut off.
public final class HistoryLog: TrainingCallback {
    private let path: String

    /// Writes to the file at `path`.
    public init(_ path: String) { self.path = path }

    public func epochEnded(_ result: EpochResult, _ trainer: Trainer) throws -> String? {
        try AtomicFile.write(Array(trainer.history.csv.utf8), to: path)
        return nil
    }
}

extension TrainingHistory {
    /// `epoch`, the numbers of each epoch and `learning_rate`, separated by commas.
    public var csv: String {
        let names = OrderedSet(epochs.flatMap(\.values.keys))
        let lines = epochs.map { result in
            let numbers = names.map { name in result.values[name].map { "\($0)" } ?? "" }
            return (["\(result.epoch)"] + numbers + ["\(result.learningRate)"]).joined(separator: ",")
        }
        return ([(["epoch"] + names + ["learning_rate"]).joined(separator: ",")] + lines).joined(separator: "\n") + "\n"
    }
}
