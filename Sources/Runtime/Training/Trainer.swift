public import FerryEngine

/// Trains one model: owns its parameters while they change.
///
///     let trainer = try Trainer(model, .init(optimizer: Adam(), loss: MeanSquaredError()))
///     let history = try trainer.fit(TrainingData(x, y), epochs: 200)
///     try trainer.model.write(to: "model.keras")
public final class Trainer {
    /// What the model is trained for and how.
    public let configuration: TrainingConfiguration
    /// What the optimiser remembers.
    public internal(set) var optimizerState: OptimizerState
    /// What stateful layers remember from one batch to the next.
    public internal(set) var layerState = LayerState()
    /// The parameters as they are now, by `layer/parameter`.
    public internal(set) var parameters: ParameterSet
    /// What the epochs of the last `fit` gave so far.
    public internal(set) var history = TrainingHistory()
    /// Decides the order of samples, dropout and noise: the same seed gives the same training.
    public var seed: UInt64

    let source: Model
    let graph: Graph
    let heads: [TrainingHead?]
    /// Memory that one step leaves for the next.
    let pool = FloatPool()
    /// The inputs' types, for checks.
    private let inputTypes: [(name: String, type: ValueType)]
    /// The names of the parameters that training changes.
    private let trained: Set<String>
    private let regularizers: [(name: String, regularizer: Regularizer)]
    private let constraints: [String: Constraint]
    /// For each layer its parameters' names, inside it and in the model.
    private let names: [[(inner: String, full: String)]]

    /// Makes a model ready to be trained, going on from the optimiser state that it carries.
    ///
    /// - Throws: ``FerryError`` where losses do not fit the outputs, or no parameter would change.
    public init(_ model: Model, _ configuration: TrainingConfiguration, seed: UInt64 = 0) throws {
        source = model
        self.seed = seed
        self.configuration = configuration
        inputTypes = model.inputs
        var graph = model.graph
        let losses = try configuration.losses(forOutputs: model.graph.outputNames)
        heads = losses.enumerated().map { position, loss in
            loss.map { loss in
                let activation = graph.splitActivation(ofOutput: position, for: loss.loss)
                var split = loss
                if activation != nil { split.loss = loss.loss.beforeActivation }
                return TrainingHead(loss: split, activation: activation)
            }
        }
        self.graph = graph
        let specs = try model.graph.parameterSpecs()
        let trainable = specs.filter(\.isTrainable)
        guard !trainable.isEmpty else {
            throw FerryError(
                .untrainable, at: [model.name], found: "no parameter that training changes", expected: "some",
                remedy: "unfreeze a layer")
        }
        trained = Set(trainable.map(\.name))
        regularizers = trainable.compactMap { spec in spec.policy.regularizer.map { (spec.name, $0) } }
        constraints = Dictionary(
            uniqueKeysWithValues: trainable.compactMap { spec in spec.policy.constraint.map { (spec.name, $0) } })
        parameters = model.parameters.mapTensors { $0.cast(to: .float32) }
        let all = specs.map(\.name)
        names = graph.layers.map { layer in
            let prefix = layer.name + "/"
            return all.filter { $0.hasPrefix(prefix) }.map { (String($0.dropFirst(prefix.count)), $0) }
        }
        var changing = ParameterSet()
        for spec in trainable { changing[spec.name] = parameters[spec.name] }
        if var state = model.metadata.optimizerState, state.optimizer == configuration.optimizer.kind {
            configuration.optimizer.complete(&state, for: changing)
            optimizerState = state
        } else {
            optimizerState = configuration.optimizer.initialState(for: changing)
        }
    }

    /// The model with the parameters as they are now and the optimiser's state, ready to be saved or trained further.
    ///
    /// - Throws: ``FerryError`` if the parameters do not fit the graph any more, which training never does to them.
    public var model: Model {
        get throws {
            var metadata = source.metadata
            metadata.optimizerState = optimizerState
            return try Model(name: source.name, graph: source.graph, parameters: parameters, metadata: metadata)
        }
    }

    /// Makes every stateful layer forget.
    public func resetStates() { layerState = LayerState() }

    /// The learning rate of the next update.
    public var learningRate: Float {
        optimizerState.learningRate ?? configuration.optimizer.settings.learningRate.value(at: optimizerState.iteration)
    }
}

/// What one batch gave.
public struct BatchResult: Sendable {
    /// The loss with all penalties, as it was before the update.
    public var loss: Double
    /// The loss of each output that has one, without its weight.
    public var outputLosses: [Double]
    /// The predictions of all outputs.
    public var predictions: [Tensor]
    /// Which steps of them count; nil where all do.
    var masks: [Tensor?] = []
    /// The number of samples.
    public var samples: Int
}

extension Trainer {
    /// One update from one batch.
    ///
    /// - Throws: ``FerryError`` where the data do not fit the model or its losses, and
    ///   ``FerryError/Code/notANumber`` where the loss is none.
    @discardableResult
    public func step(_ batch: TrainingData) throws -> BatchResult {
        var pass = TrainingPass(
            seed: seed &+ 0x9E37 &* UInt64(optimizerState.iteration + 1), state: layerState, pool: pool)
        let (result, gradients) = try differentiate(batch, &pass)
        layerState = pass.state
        // With a scaled loss an overflow only skips an update.
        guard result.loss.isFinite || configuration.optimizer.settings.lossScaling != nil else {
            throw notANumber(batch, result.loss)
        }
        configuration.optimizer.apply(gradients, to: &parameters, &optimizerState, constraints: constraints)
        for name in pass.updates.names where parameters[name] != nil { parameters[name] = pass.updates[name] }
        return result
    }

    /// The loss of a batch, and the gradients of the parameters that training changes, by `layer/parameter`.
    ///
    /// - Throws: ``FerryError`` where the data do not fit the model or its losses.
    public func gradients(_ batch: TrainingData) throws -> (loss: Double, gradients: ParameterSet) {
        var pass = TrainingPass(seed: seed, state: layerState, pool: pool)
        let (result, gradients) = try differentiate(batch, &pass)
        return (result.loss, gradients.parameters)
    }

    /// The loss of a batch without an update; dropout is off and moving statistics are used.
    func evaluateBatch(_ batch: TrainingData, _ state: inout LayerState) throws -> BatchResult {
        var pass = TrainingPass(seed: seed, state: state, isTraining: false, pool: pool)
        pass.wantsInputGradients = false
        let tape = try run(batch, &pass)
        state = pass.state
        return try losses(tape, batch, pass.penalty).result
    }

    private func differentiate(_ batch: TrainingData, _ pass: inout TrainingPass) throws -> (BatchResult, Gradients) {
        pass.wantsInputGradients = false
        let tape = try run(batch, &pass)
        let (result, outputGradients) = try losses(tape, batch, pass.penalty)
        let layers = try tape.backwardByLayer(outputGradients).layers
        var gradients = Gradients(inputs: [])
        for (names, layer) in zip(names, layers) {
            for (inner, full) in names where trained.contains(full) {
                gradients.parameters[full] = layer.parameters[inner]
                gradients.lookups[full] = layer.lookups[inner]
            }
        }
        for (name, regularizer) in regularizers {
            guard let parameter = parameters[name] else { continue }
            gradients.parameters[name] = .sum(gradients.parameters[name], regularizer.gradient(parameter))
            gradients.lookups[name] = nil
        }
        return (result, gradients)
    }

    private func run(_ batch: TrainingData, _ pass: inout TrainingPass) throws -> GraphTape {
        let inputs = try fitted(batch.inputs)
        return try locating(source.name) {
            try GraphTape(graph, Slots(inputs.map { Signal($0) }), layers: layerParameters, &pass)
        }
    }

    var layerParameters: [ParameterSet] {
        names.map { names in
            var layer = ParameterSet()
            for (inner, full) in names { layer[inner] = parameters[full] }
            return layer
        }
    }

    private func losses(
        _ tape: GraphTape, _ batch: TrainingData, _ penalty: Double
    ) throws -> (result: BatchResult, gradients: [Tensor?]) {
        var total = penalty
        var (each, predictions, gradients): ([Double], [Tensor], [Tensor?]) = ([], [], [])
        for (position, (output, head)) in zip(tape.outputs, heads).enumerated() {
            guard let head else {
                predictions.append(output.tensor)
                gradients.append(nil)
                continue
            }
            let name = "\(source.name) › output '\(source.graph.outputNames[position])'"
            let (value, gradient) = try locating(name) {
                try loss(head, output, batch.targets[each.count], batch.sampleWeights[optional: each.count])
            }
            predictions.append(try head.prediction(output.tensor))
            total += head.loss.weight * value
            each.append(value)
            gradients.append(gradient)
        }
        for (name, regularizer) in regularizers { total += parameters[name].map(regularizer.penalty) ?? 0 }
        let result = BatchResult(
            loss: total, outputLosses: each, predictions: predictions, masks: tape.outputs.map(\.mask),
            samples: batch.count)
        return (result, gradients)
    }

    /// The reduced loss of one output, and its gradient times the loss's weight.
    private func loss(
        _ head: TrainingHead, _ output: Signal, _ target: Tensor, _ sampleWeights: Tensor?
    ) throws -> (Double, Tensor) {
        let prediction = output.tensor.cast(to: .float32)
        let target = try head.loss.loss.fitted(target, to: prediction)
        let values = try head.loss.loss.values(prediction, target)
        let mask = output.mask.flatMap { $0.count == values.count ? $0 : nil }
        let weights = try head.loss.reduction.weights(values.shape, sampleWeights: sampleWeights, mask: mask)
        let sum = zip(values.floats, weights.floats).reduce(0.0) { $1.1 == 0 ? $0 : $0 + Double($1.0) * Double($1.1) }
        let scaled = head.loss.weight == 1 ? weights : weights.scaled(by: Float(head.loss.weight))
        return (sum, try head.loss.loss.gradient(prediction, target, weights: scaled))
    }

    /// The inputs in the model's types.
    ///
    /// - Throws: ``FerryError/Code/shape`` that says which axis is what.
    private func fitted(_ inputs: [Tensor]) throws -> [Tensor] {
        try zip(inputs, inputTypes).map { tensor, input in
            try locating("\(source.name) › input '\(input.name)'") {
                do { return try tensor.fitting(input.type) } catch let error as FerryError where error.code == .shape {
                    throw FerryError(
                        .shape, found: "data of shape \(tensor.shape)", expected: input.type.axesInWords,
                        remedy: tensor.remedy(for: input.type))
                }
            }
        }
    }
}

extension Array {
    subscript(optional index: Int) -> Element? { index < count ? self[index] : nil }
}

extension TrainingConfiguration {
    /// The loss of each output.
    fileprivate func losses(forOutputs names: [String]) throws -> [OutputLoss?] {
        if losses.count == names.count { return losses }
        guard losses.count == 1, let loss = losses[0] else {
            throw FerryError(
                .range, found: "\(losses.count) losses",
                expected: "one for each of the outputs \(names), or one for all")
        }
        return names.map { _ in loss }
    }
}

extension ValueType {
    /// `[samples, time, features]`, with the lengths that are fixed.
    fileprivate var axesInWords: String {
        let names = rank == 3 ? ["samples", "time", "features"] : rank == 2 ? ["samples", "features"] : ["samples"]
        let axes = shape.enumerated().map { axis, dimension in
            let name = axis < names.count ? names[axis] : "axis \(axis)"
            return dimension.length.map { "\(name) = \($0)" } ?? name
        }
        return "[\(axes.joined(separator: ", "))]"
    }
}

extension Tensor {
    /// What to do with data of another shape than `type`.
    fileprivate func remedy(for type: ValueType) -> String {
        if rank == 2, type.rank == 3 {
            let (time, features) = (type.shape[1].length, type.shape[2].length)
            if features == 1, time == nil || time == shape[1] {
                return "reshape to [\(shape[0]), \(shape[1]), 1]: one feature at each time step"
            }
            return "cut the rows into windows of \(time.map(String.init) ?? "some") time steps, each a row of features"
        }
        if rank == 3, type.rank == 3, type.shape[2].length == shape[1], type.shape[1].length ?? shape[2] == shape[2] {
            return "swap the last two axes: time comes before features"
        }
        return "reshape the data so that its axes have these lengths"
    }
}

extension Trainer {
    /// Goes on with the seed and the layers' states of an interrupted training.
    package func resume(seed: String?, states: JSONValue?) throws {
        self.seed = seed.flatMap { UInt64($0) } ?? self.seed
        if let states { layerState = try LayerState(json: states) }
    }
}
