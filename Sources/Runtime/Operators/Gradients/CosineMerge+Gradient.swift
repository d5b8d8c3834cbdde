public import FerryEngine

extension CosineMerge: TrainableOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: [Tensor]) {
        (try plain(inputs, parameters), inputs.present.map { $0.tensor.cast(to: .float32) })
    }

    /// With p = a·b, s = a·a ∘ b·b and l = max(√s, ε): dp = dy / l, ds = −dy∘p / (2l³) where √s is beyond ε.
    public func backward(_ outputs: [Tensor?], _ cache: [Tensor], _ parameters: ParameterSet) throws -> Gradients {
        guard let dy = outputs[0] else { return Gradients(inputs: [nil, nil]) }
        let (a, b) = (cache[0], cache[1])
        let (p, aa, bb) = (try product(a, b), try product(a, a), try product(b, b))
        let lengths = (aa * bb).map { (square: Float) in square.squareRoot() }
        let dp = try dy.reshaped(p.shape).combining(lengths) { (d: Float, l: Float) in d / max(l, Self.epsilon) }
        let ds = try (dp * p).combining(lengths) { (d: Float, l: Float) in
            l > Self.epsilon ? -d / (2 * l * l) : 0
        }
        let ofProduct = try gradients(dp, a, b)
        let ofA = try gradients((ds * bb).summed(to: aa.shape), a, a)
        let ofB = try gradients((ds * aa).summed(to: bb.shape), b, b)
        return Gradients(inputs: [
            Tensor.sum(ofProduct[0], .sum(ofA[0], ofA[1])), Tensor.sum(ofProduct[1], .sum(ofB[0], ofB[1])),
        ])
    }

    private func product(_ a: Tensor, _ b: Tensor) throws -> Tensor {
        try product.plain(Slots([Signal(a), Signal(b)]), ParameterSet())[0].tensor
    }

    private func gradients(_ dy: Tensor, _ a: Tensor, _ b: Tensor) throws -> [Tensor?] {
        try product.backward([dy], [a, b], ParameterSet()).inputs
    }
}
