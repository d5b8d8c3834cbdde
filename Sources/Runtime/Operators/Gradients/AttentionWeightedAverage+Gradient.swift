public import FerryEngine

extension AttentionWeightedAverage: TrainableOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: (x: Tensor, weights: Tensor)) {
        var both = self
        both.returnsWeights = true
        let outputs = try both.plain(inputs, parameters)
        let cache = (x: inputs[0].tensor.cast(to: .float32), weights: outputs[1].tensor)
        return (returnsWeights ? outputs : [outputs[0]], cache)
    }

    /// With a the weights: duₜ = aₜ(daₜ − Σ a·da), as behind a softmax.
    public func backward(
        _ outputs: [Tensor?], _ cache: (x: Tensor, weights: Tensor), _ parameters: ParameterSet
    ) throws -> Gradients {
        let (x, weights) = cache
        let kernel = try parameters.required("W")
        let fromMean = try outputs[0].map { try einsum("bf,btf->bt", $0, x) }
        guard let dWeights = Tensor.sum(fromMean, outputs.count > 1 ? outputs[1] : nil) else {
            return Gradients(inputs: [nil])
        }
        let weighted = weights * dWeights
        let sums = try einsum("bt,bt->b", weights, dWeights).reshaped([weights.shape[0], 1])
        let dScores = weighted + (weights * sums).scaled(by: -1)
        let throughScores = try einsum("bt,fo->btf", dScores, kernel)
        let throughMean = try outputs[0].map { try einsum("bt,bf->btf", weights, $0) }
        return Gradients(
            inputs: [.sum(throughScores, throughMean)],
            parameters: ["W": try einsum("bt,btf->f", dScores, x).reshaped(kernel.shape)])
    }
}
