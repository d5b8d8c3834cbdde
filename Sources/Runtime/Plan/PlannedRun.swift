import FerryEngine

/// A model planned for inputs of certain shapes: memory for inputs, outputs and states, and the calls between them.
///
/// After it is made, a run allocates nothing as long as its caller has let go of the outputs of the run before.
// Used by one thread at a time: whoever runs it has taken it out of the session's store, or owns the stream.
final class PlannedRun: @unchecked Sendable {
    private let calls: CallPlan
    private let inputs: [PlannedValue]
    private let results: [PlannedValue]
    private let states: [PlannedState]
    /// What the last run gave; written in place by the next one where nobody else holds it.
    private(set) var outputs: [Tensor]

    /// nil where a layer cannot be planned, or an output is not float32.
    ///
    /// - Throws: ``PlanTooLarge``, and ``FerryError`` where a layer refuses such inputs.
    init?(
        _ prepared: PreparedGraph, shapes: [[Int]], isStreaming: Bool, team: KernelTeam?,
        outputShape: ([Int]) -> [Int] = { $0 }
    ) throws {
        let graph = prepared.graph
        let calls = CallPlan(team: team)
        let elements = shapes.reduce(0) { $0.plus($1.reduce(1) { $0.times($1) }) }
        let work = RunLimits.current.work(
            inputElements: elements, parameterCount: prepared.parameterCounts.reduce(0, +))
        let builder = PlanBuilder(calls, isStreaming: isStreaming, work: work)
        let inputs = zip(graph.inputs, shapes).map { builder.value($1, graph.type(of: $0).dtype) }
        guard let results = try prepared.plan(Slots(inputs), in: builder),
            results.allSatisfy({ $0.dtype == .float32 }),
            graph.outputs.allSatisfy({ graph.type(of: $0).dtype == .float32 })
        else { return nil }
        self.calls = calls
        self.inputs = inputs
        self.results = results
        states = builder.states
        outputs = results.map { Tensor(zeros: outputShape($0.shape)) }
    }

    /// Whether it was made for such inputs.
    func fits(_ tensors: [Tensor]) -> Bool {
        tensors.count == inputs.count && tensors.indices.allSatisfy { fits(tensors[$0], at: $0) }
    }

    /// Whether it was made for one such input.
    func fits(_ tensor: Tensor) -> Bool { inputs.count == 1 && fits(tensor, at: 0) }

    private func fits(_ tensor: Tensor, at index: Int) -> Bool {
        tensor.dtype == inputs[index].dtype && tensor.shape == inputs[index].shape
    }

    /// Takes over an input that fits.
    func load(_ tensor: Tensor, at index: Int) {
        tensor.withUnsafeBytes { bytes in
            if let from = bytes.baseAddress { inputs[index].base.copyMemory(from: from, byteCount: bytes.count) }
        }
    }

    /// How many elements an input has.
    func inputCount(at index: Int) -> Int { inputs[index].count }
    /// Where an input lies.
    func input(at index: Int) -> UnsafeMutableRawPointer { inputs[index].base }
    /// How many elements an output has.
    func outputCount(at index: Int) -> Int { results[index].count }
    /// Where an output lies after ``compute()``.
    func output(at index: Int) -> UnsafePointer<Float> { UnsafePointer(results[index].floats) }

    /// Makes all calls. False where the data are beyond the plan; then nothing but states and memory has changed.
    func compute() -> Bool { calls.run() }

    /// Makes all calls and copies the results to ``outputs``.
    func run() -> Bool {
        guard compute() else { return false }
        for index in results.indices { store(at: index, into: &outputs[index]) }
        return true
    }

    /// Copies a result into a tensor of as many float32 elements.
    func store(at index: Int, into tensor: inout Tensor) {
        let result = results[index]
        tensor.withUnsafeMutableBytes { target in
            if let base = target.baseAddress { base.copyMemory(from: result.base, byteCount: target.count) }
        }
    }

    /// The shape of a result.
    func outputShape(at index: Int) -> [Int] { results[index].shape }
    /// How many results there are.
    var outputCount: Int { results.count }
}

extension PlannedRun {
    /// What the layers remember.
    func exportState(isStreaming: Bool) -> LayerState {
        var state = LayerState(isStreaming: isStreaming)
        for planned in states {
            state.at(planned.path[...]) { layer in
                layer.tensors = planned.values.map { value in
                    Tensor(shape: value.shape, of: Float.self) { target in
                        if let base = target.baseAddress { base.update(from: value.floats, count: value.count) }
                    }
                }
            }
        }
        return state
    }

    /// Makes the layers remember `state`; what it lacks is zero.
    ///
    /// - Throws: ``FerryError/Code/shape`` where a state is of another shape.
    func importState(_ state: LayerState) throws {
        for planned in states {
            let tensors = state.descendant(planned.path[...])?.tensors ?? []
            guard tensors.isEmpty || tensors.map(\.shape) == planned.values.map(\.shape) else {
                throw FerryError(
                    .shape, found: "initial states of shapes \(tensors.map(\.shape))",
                    expected: "\(planned.values.map(\.shape))",
                    remedy: "keep the batch size of a stateful model, or reset its states first")
            }
            for (index, value) in planned.values.enumerated() {
                value.floats.update(repeating: 0, count: value.count)
                guard index < tensors.count else { continue }
                tensors[index].cast(to: .float32).withUnsafeElements { (source: UnsafeBufferPointer<Float>) in
                    if let from = source.baseAddress { value.floats.update(from: from, count: source.count) }
                }
            }
        }
    }

    /// Makes the layers forget.
    func resetState() {
        for planned in states {
            for value in planned.values { value.floats.update(repeating: 0, count: value.count) }
        }
    }
}

extension LayerState {
    /// The state of a layer further inside.
    fileprivate func descendant(_ path: ArraySlice<String>) -> LayerState? {
        guard let name = path.first else { return self }
        return children[name]?.descendant(path.dropFirst())
    }

    /// Runs `body` with the state of a layer further inside.
    fileprivate mutating func at(_ path: ArraySlice<String>, _ body: (inout LayerState) -> Void) {
        guard let name = path.first else { return body(&self) }
        withChild(name) { $0.at(path.dropFirst(), body) }
    }
}
