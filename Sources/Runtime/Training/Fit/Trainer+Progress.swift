import FerryEngine
import OrderedCollections

/// What a training that runs by itself tells as it goes.
public enum TrainingEvent: Sendable {
    /// A batch was learned from.
    case batch(BatchProgress)
    /// An epoch has ended.
    case epoch(EpochResult)
    /// Training has ended with this model.
    case finished(Model, TrainingHistory)
}

extension Model {
    /// Trains this model in a task of its own and tells how it goes; cancelling the reader stops it.
    ///
    ///     for try await event in model.training(configuration, data, FitOptions(epochs: 20)) {
    ///         if case .epoch(let result) = event { print(result.values) }
    ///     }
    public func training(
        _ configuration: TrainingConfiguration, _ data: TrainingData, _ options: FitOptions, seed: UInt64 = 0
    ) -> AsyncThrowingStream<TrainingEvent, any Error> {
        AsyncThrowingStream { continuation in
            let task = Task {
                do {
                    let trainer = try Trainer(self, configuration, seed: seed)
                    let history = try trainer.fit(data, options, callbacks: [EventReporter(continuation)])
                    continuation.yield(.finished(try trainer.model, history))
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}

/// Hands what it is told on to a stream.
private final class EventReporter: TrainingCallback {
    private let continuation: AsyncThrowingStream<TrainingEvent, any Error>.Continuation

    init(_ continuation: AsyncThrowingStream<TrainingEvent, any Error>.Continuation) {
        self.continuation = continuation
    }

    func batchEnded(_ progress: BatchProgress, _ trainer: Trainer) { continuation.yield(.batch(progress)) }

    func epochEnded(_ result: EpochResult, _ trainer: Trainer) -> String? {
        continuation.yield(.epoch(result))
        return nil
    }
}
