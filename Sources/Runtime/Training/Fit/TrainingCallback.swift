public import FerryEngine

/// Something that is told of training as it goes, and may stop it.
public protocol TrainingCallback: AnyObject {
    /// Called before the first epoch of a call of `fit`.
    func begin(_ trainer: Trainer) throws
    /// Called after each update.
    func batchEnded(_ progress: BatchProgress, _ trainer: Trainer) throws
    /// Called after each epoch.
    ///
    /// - Returns: why training should stop now; nil to go on.
    func epochEnded(_ result: EpochResult, _ trainer: Trainer) throws -> String?
    /// Called when training has ended, for whatever reason.
    func end(_ history: TrainingHistory, _ trainer: Trainer) throws
    /// What must be kept so that training can go on after a restart as if it had not stopped; nil where nothing.
    var resumeState: JSONValue? { get }
    /// Takes back what ``resumeState`` gave.
    func resume(from state: JSONValue, _ trainer: Trainer) throws
}

extension TrainingCallback {
    public func begin(_ trainer: Trainer) throws {}
    public func batchEnded(_ progress: BatchProgress, _ trainer: Trainer) throws {}
    public func epochEnded(_ result: EpochResult, _ trainer: Trainer) throws -> String? { nil }
    public func end(_ history: TrainingHistory, _ trainer: Trainer) throws {}
    public var resumeState: JSONValue? { nil }
    public func resume(from state: JSONValue, _ trainer: Trainer) throws {}
    /// The name under which ``resumeState`` is kept.
    public var kind: String { "\(Self.self)" }
}
