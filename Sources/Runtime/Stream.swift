public import FerryEngine

/// One sequence fed to a model a time step at a time: the model's parameters with a state of their own.
///
///     var stream = try session.stream()
///     for sample in samples { print(try stream.step(sample)) }
///
/// A stream of a session with one thread is made for threads that must not wait: after the first step, a step of the
/// same batch neither allocates nor locks, if the output of the step before has been let go of.
/// ``step(_:into:)`` needs not even that.
public struct Stream: ~Copyable, Sendable {
    private let session: InferenceSession
    private let inputType: ValueType
    /// The type of one time step.
    private let frameType: ValueType
    private let outputHasTime: Bool
    private var unplanned = LayerState(isStreaming: true)
    private var plan: PlannedRun?
    /// The shape of a frame that the plan takes, with and without the batch.
    private var frameShapes: (batched: [Int], single: [Int]?) = ([], nil)
    private var isPlannable = true
    /// Whether the plan has run, so that its states and no longer `unplanned` are the stream's.
    private var hasRun = false

    /// What every recurrent layer remembers. Copy it to save the stream, assign it to go on from there.
    public var state: LayerState {
        get { hasRun ? plan?.exportState(isStreaming: true) ?? unplanned : unplanned }
        set {
            unplanned = newValue
            plan = nil
            hasRun = false
        }
    }

    /// A stream at its beginning.
    init(_ session: InferenceSession) throws {
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
        let inputType = graph.type(of: graph.inputs[0])
        var frameType = inputType
        frameType.shape.remove(at: 1)
        let hasTime = graph.carriesTimeToOutput
        let frame = [1] + frameType.shape.dropFirst().compactMap(\.length)
        let plan = frameType.takes(frame) ? try Self.plan(session, frame: frame, outputHasTime: hasTime) : nil
        self.session = session
        self.inputType = inputType
        self.frameType = frameType
        self.plan = plan
        outputHasTime = hasTime
        if plan != nil { frameShapes = (frame, Array(frame.dropFirst())) }
    }

    /// Feeds one time step and gives what the model puts out after it.
    ///
    /// - Parameter frame: [features], or [batch, features] for several sequences side by side (a scalar or [batch]
    ///   for token ids).
    /// - Returns: the model's output without its time axis, [batch, …].
    /// - Throws: ``FerryError`` where the frame does not fit the model or the batch of the steps before.
    public mutating func step(_ frame: Tensor) throws -> Tensor {
        if let plan = try planned(for: frame) {
            plan.load(frame, at: 0)
            hasRun = true
            if plan.run() { return plan.outputs[0] }
            leavePlan()
        }
        return try unplannedStep(frame)
    }

    /// Feeds one time step of float32 numbers and writes what the model puts out, float32 as well.
    ///
    /// - Parameters:
    ///   - frame: [features] of one sequence, or [batch, features] if the last step had that batch.
    ///   - output: as many numbers as the model puts out for one step.
    /// - Throws: ``FerryError`` where the lengths are others, or the model cannot run without allocating.
    public mutating func step(
        _ frame: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>
    ) throws {
        guard let plan, inputType.dtype == .float32 else {
            throw FerryError(
                .unsupported, at: [session.model.name], found: "a model that runs without a plan",
                expected: "float32 inputs and layers that can be planned", remedy: "use step with tensors")
        }
        guard frame.count == plan.inputCount(at: 0), output.count == plan.outputCount(at: 0) else {
            throw FerryError(
                .shape, at: [session.model.name, "one time step"],
                found: "\(frame.count) numbers in and \(output.count) out",
                expected: "expected \(plan.inputCount(at: 0)) in and \(plan.outputCount(at: 0)) out")
        }
        if let from = frame.baseAddress {
            plan.input(at: 0).copyMemory(from: from, byteCount: frame.count * MemoryLayout<Float>.stride)
        }
        hasRun = true
        guard plan.compute() else {
            throw FerryError(.range, at: [session.model.name], found: "a number out of range", expected: "token ids")
        }
        output.baseAddress?.update(from: plan.output(at: 0), count: output.count)
    }

    /// Forgets everything fed so far.
    public mutating func reset() {
        unplanned = LayerState(isStreaming: true)
        plan?.resetState()
        hasRun = false
    }

    /// The plan, made anew where the frame has another batch; nil where the model or the frame has none.
    private mutating func planned(for frame: Tensor) throws -> PlannedRun? {
        if let plan, frame.dtype == inputType.dtype,
            frame.shape == frameShapes.batched || frame.shape == frameShapes.single
        {
            return plan
        }
        guard isPlannable, frame.dtype == inputType.dtype else {
            leavePlan()
            return nil
        }
        let shape = frame.rank == frameType.rank - 1 ? [1] + frame.shape : frame.shape
        guard frameType.takes(shape) else { return nil }
        try makePlan(shape)
        return plan
    }

    private mutating func makePlan(_ shape: [Int]) throws {
        leavePlan()
        let made = try Self.plan(session, frame: shape, outputHasTime: outputHasTime)
        guard let made else {
            isPlannable = false
            return
        }
        // Where the states are of another batch, the definition says so and where.
        guard (try? made.importState(unplanned)) != nil else { return }
        plan = made
        frameShapes = (shape, shape[0] == 1 ? Array(shape.dropFirst()) : nil)
    }

    /// A plan for frames of a shape [batch, …]; nil where the model has none.
    private static func plan(
        _ session: InferenceSession, frame: [Int], outputHasTime: Bool
    ) throws -> PlannedRun? {
        var shape = frame
        shape.insert(1, at: 1)
        let team = KernelTeam(threads: session.threads)
        do {
            return try PlannedRun(session.prepared, shapes: [shape], isStreaming: true, team: team) { shape in
                var shape = shape
                if outputHasTime { shape.remove(at: 1) }
                return shape
            }
        } catch is PlanTooLarge { return nil }
    }

    /// Takes the states back from the plan.
    private mutating func leavePlan() {
        unplanned = state
        plan = nil
        hasRun = false
    }

    private mutating func unplannedStep(_ frame: Tensor) throws -> Tensor {
        leavePlan()
        let batched = frame.rank == inputType.rank - 2 ? frame.reshaped([1] + frame.shape) : frame
        let checked = try locating("\(session.model.name) › one time step") { try batched.fitting(frameType) }
        var shape = checked.shape
        shape.insert(1, at: 1)
        let output = try session.prepared.run(Slots([Signal(checked.reshaped(shape))]), &unplanned)[0].tensor
        guard outputHasTime else { return output }
        var outputShape = output.shape
        outputShape.remove(at: 1)
        return output.reshaped(outputShape)
    }
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

extension ValueType {
    /// Whether a tensor of this shape is of this type.
    fileprivate func takes(_ lengths: [Int]) -> Bool {
        rank == lengths.count && zip(lengths, shape).allSatisfy { Dimension.fixed($0).isCompatible(with: $1) }
    }
}
