public import FerryEngine
import Synchronization

/// Runs a model: owns its packed parameters and the states of its stateful layers.
///
/// The first call with inputs of some shapes plans it; later ones with the same shapes allocate nothing, if the outputs
/// of the call before have been let go of, or are given to be written into. Models whose shapes depend on numbers run
/// without a plan.
///
/// Calls from several threads are safe; they run one after another where the model is stateful.
public final class InferenceSession: Sendable {
    /// The model that it runs.
    public let model: Model
    /// How many threads work on one call.
    public let threads: Int
    let prepared: PreparedGraph
    let memory = Mutex(SessionMemory())
    let isStateful: Bool

    /// Makes a model ready to run.
    ///
    /// - Parameters:
    ///   - model: what to run.
    ///   - threads: how many threads may work on one call. They share the rows of a batch, or else the units of large
    ///     recurrent layers; with more than one, a call waits for the others and so is not for an audio thread.
    ///   - weights: in how many bits the weights of recurrent and dense layers are kept.
    /// - Throws: ``FerryError`` located at the layer that cannot run.
    public init(_ model: Model, threads: Int = 1, weights: WeightPrecision = .float32) throws {
        self.model = model
        self.threads = threads
        prepared = try PreparedGraph(model.graph, model.parameters, Packing(precision: weights))
        isStateful = model.graph.isStateful
    }

    /// The output of a model with one input and one output.
    ///
    /// - Parameter input: a tensor of any batch size and length that the model allows; its elements are converted to
    ///   the model's type where nothing is lost.
    /// - Returns: the first output.
    /// - Throws: ``FerryError`` where the input does not fit.
    public func predict(_ input: Tensor) throws -> Tensor {
        if let output = try planned(input, { $0.outputCount == 1 && $0.run() ? $0.outputs[0] : nil }) { return output }
        let outputs = try predict([input])
        guard outputs.count == 1 else {
            throw FerryError(
                .range, at: [model.name], found: "\(outputs.count) outputs", expected: "one",
                remedy: "call predict([input]), which returns all of them")
        }
        return outputs[0]
    }

    /// Writes the output of a model with one input and one output into a tensor of its shape and type, whose memory is
    /// used if nobody else holds it. A tensor of another shape is replaced.
    ///
    /// - Throws: ``FerryError`` where the input does not fit.
    public func predict(_ input: Tensor, into output: inout Tensor) throws {
        let isDone: Bool? = try planned(input) { plan in
            guard plan.outputCount == 1, output.dtype == .float32, output.shape == plan.outputShape(at: 0),
                plan.compute()
            else { return nil }
            plan.store(at: 0, into: &output)
            return true
        }
        if isDone == nil { output = try predict(input) }
    }

    /// All outputs, in the model's order, for all inputs, in the model's order.
    ///
    /// - Throws: ``FerryError`` where an input is missing or does not fit.
    public func predict(_ inputs: [Tensor]) throws -> [Tensor] {
        if let outputs = try planned(inputs, { $0.run() ? $0.outputs : nil }) { return outputs }
        guard isStateful else {
            var state = LayerState()
            return try predict(inputs, state: &state)
        }
        return try memory.withLock { memory in
            memory.leavePlan()
            return try predict(inputs, state: &memory.state)
        }
    }

    /// All outputs, in the model's order, going on from `state`, which stands for this session's own memory.
    ///
    /// A state made with `LayerState(isStreaming: true)` carries every recurrent layer from call to call, also where
    /// the model does not call it stateful.
    ///
    /// - Throws: ``FerryError`` where an input is missing or does not fit.
    public func predict(_ inputs: [Tensor], state: inout LayerState) throws -> [Tensor] {
        let signals = try checked(inputs).map { Signal($0) }
        return try RunLimits.withRoom(for: inputs) { try finished(prepared.run(Slots(signals), &state)) }
    }

    /// All outputs by name for all inputs by name.
    ///
    /// - Throws: ``FerryError`` where a name is missing or unknown, or an input does not fit.
    public func predict(_ inputs: [String: Tensor]) throws -> [String: Tensor] {
        let names = model.inputs.map(\.name)
        if let unknown = inputs.keys.first(where: { !names.contains($0) }) {
            throw FerryError(.range, at: [model.name], found: "an input '\(unknown)'", expected: "inputs \(names)")
        }
        let ordered = try names.map { name in
            guard let tensor = inputs[name] else {
                throw FerryError(.range, at: [model.name], found: "no input '\(name)'", expected: "inputs \(names)")
            }
            return tensor
        }
        return Dictionary(uniqueKeysWithValues: zip(model.graph.outputNames, try predict(ordered)))
    }

    /// Makes every stateful layer forget.
    public func reset() { memory.withLock { $0.forget() } }

    func checked(_ inputs: [Tensor]) throws -> [Tensor] {
        let expected = model.inputs
        guard inputs.count == expected.count else {
            throw FerryError(
                .range, at: [model.name], found: "\(inputs.count) inputs",
                expected: "\(expected.count): \(expected.map(\.name))")
        }
        return try zip(inputs, expected).map { tensor, input in
            try locating("\(model.name) › input '\(input.name)'") { try tensor.fitting(input.type) }
        }
    }

    private func finished(_ outputs: [Signal]) throws -> [Tensor] {
        zip(outputs, model.outputs).map { $0.tensor.cast(to: $1.type.dtype) }
    }
}

extension Tensor {
    /// This tensor in the element type of `type`.
    ///
    /// - Throws: ``FerryError`` where an axis or the elements do not fit.
    func fitting(_ type: ValueType) throws -> Tensor {
        let fits = rank == type.rank && zip(shape, type.shape).allSatisfy { Dimension.fixed($0).isCompatible(with: $1) }
        guard fits else { throw FerryError(.shape, found: "shape \(shape)", expected: "\(type.shape)") }
        return try losslesslyCast(to: type.dtype)
    }
}
