import Ferry

/// Runs a model over data with any number of rows.
struct Prediction {
    private let model: Model
    private let carriesStates: Bool
    /// The rows of one of several consecutive calls; nil where one call takes all rows.
    let rowsPerCall: Int?

    /// A run of `model`; states go from call to call in its stateful layers, and in all others where `carriesStates`.
    ///
    /// As in Keras, data for a stateful model of fixed batch size are cut into batches of that size.
    init(_ model: Model, carriesStates: Bool) {
        self.model = model
        self.carriesStates = carriesStates
        let batchSize = model.inputs.first?.type.shape.first?.length
        rowsPerCall = carriesStates ? batchSize ?? 1 : model.graph.isStateful ? batchSize : nil
    }

    /// The outputs for all rows, in the model's order.
    func run(_ inputs: [Tensor]) throws -> [Tensor] {
        let session = try InferenceSession(model)
        var state = LayerState(isStreaming: carriesStates)
        guard let rowsPerCall else { return try session.predict(inputs, state: &state) }
        let calls = try callCount(inputs, rowsPerCall)
        var parts: [[Tensor]] = []
        for call in 0..<calls {
            let rows = inputs.map { $0.sliced(axis: 0, from: call * rowsPerCall, count: rowsPerCall) }
            parts.append(try session.predict(rows, state: &state))
        }
        return model.outputs.indices.map { output in .concatenated(parts.map { $0[output] }, axis: 0) }
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
