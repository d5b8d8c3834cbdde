public import FerryEngine

/// An operator that can be trained: it runs forward keeping what its gradient needs, and backward with it.
///
/// `backward` stands beside `forward` in `X+Gradient.swift`; whatever passes between them is a ``Cache``.
public protocol TrainableOperator: Operator {
    /// What `forward` keeps for `backward`.
    associatedtype Cache

    /// Computes the outputs as ``Operator/evaluate(_:_:_:)`` does, with what training does differently: dropout,
    /// statistics of the batch.
    func forward(_ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass) throws
        -> (outputs: [Signal], cache: Cache)

    /// The gradients of the loss with respect to inputs and parameters, from those with respect to the outputs.
    ///
    /// - Parameters:
    ///   - outputs: dL/dy for each output; nil where the loss does not depend on it.
    ///   - cache: what ``forward(_:_:_:)`` kept; it may be used up.
    ///   - parameters: those of the forward pass.
    func backward(_ outputs: [Tensor?], _ cache: Cache, _ parameters: ParameterSet) throws -> Gradients

    /// Why this operator cannot be trained as it is set up; nil where it can.
    var untrainableReason: String? { get }
}

extension TrainableOperator {
    public var untrainableReason: String? { nil }
}

/// The gradients that an operator's backward pass gives.
public struct Gradients {
    /// dL/dx for each input slot; nil where the operator has no gradient for it, such as token ids.
    public var inputs: [Tensor?]
    /// dL/dw for the parameters that training changes, under their names inside the layer.
    public var parameters: ParameterSet
    /// The parts of gradients that come from lookups, under the names of those that they make in ``parameters``.
    package var lookups: [String: LookupGradient] = [:]

    /// Gradients from their parts.
    public init(inputs: [Tensor?], parameters: ParameterSet = .init()) {
        self.inputs = inputs
        self.parameters = parameters
    }

    /// Adds the gradients of another use of the same parameters; the inputs stay.
    mutating func addParameters(_ other: Gradients) {
        for name in other.parameters.names {
            let isFirst = parameters[name] == nil
            parameters[name] = .sum(parameters[name], other.parameters[name])
            guard let more = other.lookups[name] else {
                lookups[name] = nil
                continue
            }
            lookups[name] = isFirst ? more : lookups[name]?.joined(more)
        }
    }
}

/// What layers share while a batch passes through a model in training.
public struct TrainingPass {
    /// Where dropout and noise draw from.
    public var random: RandomSource
    /// The states of stateful layers; of the layer at work while it runs.
    public var state: LayerState
    /// Whether dropout and batch statistics are on; off when a validation loss is computed.
    public let isTraining: Bool
    /// Whether training changes the parameters of the layer at work; a frozen one uses its moving statistics.
    public var trainsLayer = true
    /// Whether anybody asks for the gradients of the inputs of the layer at work.
    public var wantsInputGradients = true
    /// New values of parameters that follow the data and no gradient, such as moving statistics: under their names
    /// inside the layer at work.
    public var updates = ParameterSet()
    /// What layers add to the loss beside the losses of outputs.
    public var penalty = 0.0
    /// Where layers take their memory from.
    let pool: FloatPool

    /// A pass whose random numbers depend only on `seed`.
    public init(seed: UInt64, state: LayerState = .init(), isTraining: Bool = true) {
        self.init(seed: seed, state: state, isTraining: isTraining, pool: FloatPool())
    }

    /// A pass that takes its memory from `pool`.
    init(seed: UInt64, state: LayerState, isTraining: Bool = true, pool: FloatPool) {
        random = RandomSource(seed: seed)
        self.state = state
        self.isTraining = isTraining
        self.pool = pool
    }

    /// Runs `body` for the layer `name` inside this one: with its state, and its updates put under its name.
    public mutating func inside<Result>(
        _ name: String, _ body: (inout TrainingPass) throws -> Result
    ) rethrows -> Result {
        var inner = self
        inner.updates = ParameterSet()
        inner.state = state.children.removeValue(forKey: name) ?? LayerState(isStreaming: state.isStreaming)
        defer {
            random = inner.random
            penalty = inner.penalty
            state.children[name] = inner.state
            updates.merge(inner.updates, scope: name)
        }
        return try body(&inner)
    }

    /// Like ``inside(_:_:)`` for a layer whose states are kept under another name than its parameters.
    public mutating func scoped<Result>(
        _ scope: String, _ body: (inout TrainingPass) throws -> Result
    ) rethrows -> Result {
        let outer = updates
        updates = ParameterSet()
        defer {
            var merged = outer
            merged.merge(updates, scope: scope)
            updates = merged
        }
        return try body(&self)
    }
}

/// A forward pass that is done, ready to be gone through backwards once.
public struct Pullback {
    private let run: ([Tensor?]) throws -> Gradients

    /// A pullback that calls `run`.
    init(_ run: @escaping ([Tensor?]) throws -> Gradients) { self.run = run }

    /// The gradients, from those of the outputs.
    public func callAsFunction(_ outputs: [Tensor?]) throws -> Gradients { try run(outputs) }
}

extension Operator {
    /// Runs forward in training.
    ///
    /// - Throws: ``FerryError/Code/untrainable`` where the operator has no gradient.
    func pullback(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> ([Signal], Pullback) {
        guard let trainable = self as? any TrainableOperator else {
            throw FerryError(
                .untrainable, found: "no gradient", expected: "an operator that Ferry trains",
                remedy: "freeze the layers up to this one, or train in Keras")
        }
        if let reason = trainable.untrainableReason {
            throw FerryError(.untrainable, found: reason, expected: "settings that Ferry trains")
        }
        return try trainable.recorded(inputs, parameters, &pass)
    }
}

extension TrainableOperator {
    fileprivate func recorded(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> ([Signal], Pullback) {
        let (outputs, cache) = try forward(inputs, parameters, &pass)
        return (outputs, Pullback { try backward($0, cache, parameters) })
    }
}

extension FerryError.Code {
    /// A layer, or a setting of one, that Ferry runs but cannot train.
    public static let untrainable = Self("untrainable")
}
