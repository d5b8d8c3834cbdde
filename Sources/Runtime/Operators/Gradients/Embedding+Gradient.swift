public import FerryEngine

extension Embedding: TrainableOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: [Int]) {
        (try plain(inputs, parameters), inputs[0].tensor.ints)
    }

    /// Each row of the table gets the sum of the gradients of where it was looked up.
    public func backward(_ outputs: [Tensor?], _ cache: [Int], _ parameters: ParameterSet) throws -> Gradients {
        guard let dy = outputs[0] else { return Gradients(inputs: [nil]) }
        let lookups = LookupGradient(rows: cache, parts: dy.reshaped([cache.count, size]))
        var gradients = Gradients(inputs: [nil], parameters: ["embeddings": lookups.summed([vocabulary, size])])
        gradients.lookups = ["embeddings": lookups]
        return gradients
    }
}
