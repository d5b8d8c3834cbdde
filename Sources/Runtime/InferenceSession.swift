public import FerryEngine
import Synchronization

/// Runs a model: owns its packed parameters and the states of its stateful layers.
///
/// Calls from several threads are safe; they run one after another where the model is stateful.
public final class InferenceSession: Sendable {
    /// The model that it runs.
    public let model: Model
    let prepared: PreparedGraph
    private let state = Mutex(LayerState())
    private let isStateful: Bool

    /// Makes a model ready to run.
    ///
    /// - Throws: ``FerryError`` located at the layer that cannot run.
    public init(_ model: Model) throws {
        self.model = model
        prepared = try PreparedGraph(model.graph, model.parameters)
        isStateful = model.graph.isStateful
    }

    /// The output of a model with one input and one output.
    ///
    /// - Parameter input: a tensor of any batch size and length that the model allows; its elements are converted to
    ///   the model's type where nothing is lost.
    /// - Returns: the first output.
    /// - Throws: ``FerryError`` where the input does not fit.
    public func predict(_ input: Tensor) throws -> Tensor {
        let outputs = try predict([input])
        guard outputs.count == 1 else {
            throw FerryError(
                .range, at: [model.name], found: "\(outputs.count) outputs", expected: "one",
                remedy: "call predict([input]), which returns all of them")
        }
        return outputs[0]
    }

    /// All outputs, in the model's order, for all inputs, in the model's order.
    ///
    /// - Throws: ``FerryError`` where an input is missing or does not fit.
    public func predict(_ inputs: [Tensor]) throws -> [Tensor] {
        let signals = try checked(inputs).map { Signal($0) }
        guard isStateful else {
            var state = LayerState()
            return try finished(prepared.run(Slots(signals), &state))
        }
        return try state.withLock { try finished(prepared.run(Slots(signals), &$0)) }
    }

    /// All outputs, in the model's order, going on from `state`, which stands for this session's own memory.
    ///
    /// A state made with `LayerState(isStreaming: true)` carries every recurrent layer from call to call, also where
    /// the model does not call it stateful.
    ///
    /// - Throws: ``FerryError`` where an input is missing or does not fit.
    public func predict(_ inputs: [Tensor], state: inout LayerState) throws -> [Tensor] {
        let signals = try checked(inputs).map { Signal($0) }
        return try finished(prepared.run(Slots(signals), &state))
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
    public func reset() { state.withLock { $0 = LayerState() } }

    private func checked(_ inputs: [Tensor]) throws -> [Tensor] {
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
