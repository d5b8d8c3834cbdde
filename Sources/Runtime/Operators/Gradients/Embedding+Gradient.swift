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
        let table = dy.withUnsafeElements { (dy: UnsafeBufferPointer<Float>) in
            Tensor(shape: [vocabulary, size], of: Float.self) { rows in
                guard let from = dy.baseAddress, let to = rows.baseAddress else { return }
                for (position, id) in cache.enumerated() {
                    Kernels.best.add(to + id * size, from + position * size, into: to + id * size, count: size)
                }
            }
        }
        return Gradients(inputs: [nil], parameters: ["embeddings": table])
    }
}
