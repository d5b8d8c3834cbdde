public import FerryEngine

/// What a ``MaxoutDense`` keeps: x, and how much of the gradient each function gets, [batch, pieces, units].
public struct MaxoutCache {
    let x: Tensor
    let shares: Tensor
}

extension MaxoutDense: TrainableOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: MaxoutCache) {
        let x = inputs[0].tensor.cast(to: .float32)
        var pieces = try einsum("bf,kfu->bku", x, parameters.required("W"))
        if useBias { pieces = pieces + (try parameters.required("b")) }
        let largest = try plain(inputs, parameters)[0].tensor
        let hits = try pieces.combining(largest.reshaped([x.shape[0], 1, units])) { (piece: Float, largest: Float) in
            piece == largest ? Float(1) : 0
        }
        // Where several are largest, each gets its part (the gradient of `tf.reduce_max`).
        let counts = try einsum("bku->bu", hits).reshaped([x.shape[0], 1, units])
        let shares = try hits.combining(counts) { (hit: Float, count: Float) in hit / max(count, 1) }
        return ([Signal(largest)], MaxoutCache(x: x, shares: shares))
    }

    public func backward(_ outputs: [Tensor?], _ cache: MaxoutCache, _ parameters: ParameterSet) throws -> Gradients {
        guard let dy = outputs[0] else { return Gradients(inputs: [nil]) }
        let dPieces = cache.shares * dy.reshaped([dy.shape[0], 1, units])
        var gradients: ParameterSet = ["W": try einsum("bf,bku->kfu", cache.x, dPieces)]
        if useBias { gradients["b"] = try einsum("bku->ku", dPieces) }
        return Gradients(
            inputs: [try einsum("bku,kfu->bf", dPieces, parameters.required("W"))], parameters: gradients)
    }
}
