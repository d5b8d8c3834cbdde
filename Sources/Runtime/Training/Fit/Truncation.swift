import FerryEngine

extension Trainer {
    /// The batch itself, or its time steps in parts between which the recurrent layers carry their states on.
    func parts(of batch: TrainingData, _ options: FitOptions) throws -> [TrainingData] {
        guard let length = options.truncation else { return [batch] }
        let time = batch.inputs[0].rank > 1 ? batch.inputs[0].shape[1] : 0
        guard length > 0, time > 0, batch.inputs.allSatisfy({ $0.rank > 1 && $0.shape[1] == time }) else {
            throw FerryError(
                .shape, at: [source.name], found: "inputs of shapes \(batch.inputs.map(\.shape))",
                expected: "[samples, time, …] with the same number of steps, to be cut into parts of \(length)")
        }
        guard batch.targets.allSatisfy({ $0.rank > 1 && $0.shape[1] == time }) else {
            throw FerryError(
                .shape, at: [source.name], found: "targets of shapes \(batch.targets.map(\.shape))",
                expected: "a target for each of the \(time) time steps",
                remedy: "return sequences from the last recurrent layer, or train without truncation")
        }
        layerState = LayerState(isStreaming: true)
        return stride(from: 0, to: time, by: length).map { start in
            let count = min(length, time - start)
            func cut(_ tensor: Tensor) -> Tensor {
                tensor.rank > 1 && tensor.shape[1] == time ? tensor.sliced(axis: 1, from: start, count: count) : tensor
            }
            return TrainingData(
                inputs: batch.inputs.map(cut), targets: batch.targets.map(cut),
                sampleWeights: batch.sampleWeights.map(cut))
        }
    }
}
