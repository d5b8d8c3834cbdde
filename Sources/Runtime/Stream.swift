public import FerryEngine

/// One sequence fed to a model a time step at a time: the model's parameters with a state of their own.
///
///     var stream = try session.stream()
///     for sample in samples { print(try stream.step(sample)) }
public struct Stream: ~Copyable, Sendable {
    /// What every recurrent layer remembers. Copy it to save the stream, assign it to go on from there.
    public var state = LayerState(isStreaming: true)
    private let session: InferenceSession
    private let inputType: ValueType
    private let outputHasTime: Bool

    /// A stream at its beginning.
    init(_ session: InferenceSession) throws {
        self.session = session
        let graph = session.model.graph
        let name = session.model.name
        guard graph.inputs.count == 1, graph.outputs.count == 1 else {
            throw FerryError(
                .unsupported, at: [name], found: "\(graph.inputs.count) inputs and \(graph.outputs.count) outputs",
                expected: "one of each to stream it step by step")
        }
        if let layer = graph.layers.first(where: { $0.operation.timeLocality == .wholeSequence }) {
            throw FerryError(
                .unsupported, at: [name, "layer '\(layer.name)' (\(layer.operation.kind))"],
                found: "needs the whole sequence", expected: "layers that can run step by step",
                remedy: "collect a window and call predict")
        }
        inputType = graph.type(of: graph.inputs[0])
        outputHasTime = graph.carriesTimeToOutput
    }

    /// Feeds one time step and gives what the model puts out after it.
    ///
    /// - Parameter frame: [features], or [batch, features] for several sequences side by side (a scalar or [batch]
    ///   for token ids).
    /// - Returns: the model's output without its time axis, [batch, …].
    /// - Throws: ``FerryError`` where the frame does not fit the model or the batch of the steps before.
    public mutating func step(_ frame: Tensor) throws -> Tensor {
        let batched = frame.rank == inputType.rank - 2 ? frame.reshaped([1] + frame.shape) : frame
        var type = inputType
        type.shape.remove(at: 1)
        let checked = try locating("\(session.model.name) › one time step") { try batched.fitting(type) }
        var shape = checked.shape
        shape.insert(1, at: 1)
        let output = try session.prepared.run(Slots([Signal(checked.reshaped(shape))]), &state)[0].tensor
        guard outputHasTime else { return output }
        var outputShape = output.shape
        outputShape.remove(at: 1)
        return output.reshaped(outputShape)
    }

    /// Forgets everything fed so far.
    public mutating func reset() { state = LayerState(isStreaming: true) }
}

extension InferenceSession {
    /// A new sequence to be fed a time step at a time; streams of one session share its parameters.
    ///
    /// - Throws: ``FerryError/Code/unsupported`` naming the layer that needs the whole sequence.
    public func stream() throws -> Stream { try Stream(self) }
}

extension Graph {
    /// Whether the output has a step for each step of the input.
    var carriesTimeToOutput: Bool {
        var withTime = Set(inputs)
        for node in nodes {
            let read = node.inputs.compactMap { $0 }.contains { withTime.contains($0) }
            let operation = layer(of: node).operation
            if read && operation.keepsTime { withTime.insert(node.outputs[0]) }
        }
        return outputs.allSatisfy { withTime.contains($0) }
    }
}

extension Operator {
    /// Whether its first output has the time axis of its input.
    var keepsTime: Bool {
        if let recurrent = self as? any RecurrentOperator { return recurrent.options.returnSequences }
        if let submodel = self as? Submodel { return submodel.graph.carriesTimeToOutput }
        return timeLocality == .perStep
    }
}
