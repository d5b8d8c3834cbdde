import Ferry

/// Runs a model over data with any number of rows.
struct Prediction {
    private let model: Model
    private let carriesStates: Bool
    /// The rows of one of several consecutive calls; nil where one call takes all rows.
    let rowsPerCall: Int?
    /// The states that outputs of one call hand to inputs of the next.
    let ports: [StatePort]

    /// A run of `model`; states go from call to call in its stateful layers, and in all others where `carriesStates`.
    ///
    /// As in Keras, data for a stateful model of fixed batch size are cut into batches of that size.
    init(_ model: Model, carriesStates: Bool) {
        self.model = model
        self.carriesStates = carriesStates
        ports = carriesStates ? model.statePorts : []
        let batchSize = model.inputs.first?.type.shape.first?.length
        rowsPerCall = carriesStates ? batchSize ?? 1 : model.graph.isStateful ? batchSize : nil
    }

    /// The outputs for all rows, in the model's order, and the last states where ``ports`` hand them on.
    ///
    /// - Parameter inputs: in the model's order; states that are nil begin with zeros.
    func run(_ inputs: [Tensor?]) throws -> [Tensor] {
        let session = try InferenceSession(model)
        var state = LayerState(isStreaming: carriesStates)
        guard let rowsPerCall else { return try session.predict(inputs.compactMap { $0 }, state: &state) }
        let stateInputs = Set(ports.map(\.input))
        let data = inputs.indices.filter { !stateInputs.contains($0) }
        let calls = try callCount(data.compactMap { inputs[$0] }, rowsPerCall)
        var next = inputs
        var parts: [[Tensor]] = []
        for call in 0..<calls {
            for place in data {
                next[place] = inputs[place]?.sliced(axis: 0, from: call * rowsPerCall, count: rowsPerCall)
            }
            let zeros = ports.filter { next[$0.input] == nil }
            for port in zeros { next[port.input] = zeroState(at: port.input, beside: next) }
            let outputs = try session.predict(next.compactMap { $0 }, state: &state)
            for port in ports { next[port.input] = outputs[port.output] }
            parts.append(outputs)
        }
        let stateOutputs = Set(ports.map(\.output))
        return model.outputs.indices.map { output in
            stateOutputs.contains(output)
                ? parts[parts.count - 1][output] : .concatenated(parts.map { $0[output] }, axis: 0)
        }
    }

    /// Zeros for an input whose free axes are as long as those of the same name in the data, else as long as a call.
    private func zeroState(at place: Int, beside inputs: [Tensor?]) -> Tensor {
        let type = model.inputs[place].type
        var lengths: [Dimension: Int] = [:]
        for (input, tensor) in zip(model.inputs, inputs) {
            guard let tensor else { continue }
            for (dimension, length) in zip(input.type.shape, tensor.shape) { lengths[dimension] = length }
        }
        lengths[.unknown] = nil
        let shape = type.shape.map { $0.length ?? lengths[$0] ?? rowsPerCall ?? 1 }
        return Tensor(zeros: shape).cast(to: type.dtype)
    }

    private func callCount(_ inputs: [Tensor], _ rowsPerCall: Int) throws -> Int {
        let counts = inputs.map { $0.shape.first ?? 0 }
        guard let rows = counts.first, counts.allSatisfy({ $0 == rows }) else {
            throw FerryError(.shape, found: "inputs of \(counts) rows", expected: "equally many in each")
        }
        guard rows > 0, rows % rowsPerCall == 0 else {
            throw FerryError(
                .shape, found: "\(rows) rows", expected: "a multiple of the model's batch size \(rowsPerCall)",
                remedy: "add or leave out rows")
        }
        return rows / rowsPerCall
    }
}
