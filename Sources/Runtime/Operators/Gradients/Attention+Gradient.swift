public import FerryEngine

/// What an attention keeps: its inputs as it used them, and its weights before and after dropout.
public struct AttentionCache {
    let query: Tensor
    let key: Tensor
    let value: Tensor
    /// tanh of the sums of queries and keys, where the score has them.
    var tanh: Tensor?
    /// softmax of the scores
    let weights: Tensor
    /// What dropout multiplied the weights by.
    let dropout: Tensor?
    let queryMask: Tensor?
    let hasKey: Bool
}

extension Attention: TrainableOperator {
    public var untrainableReason: String? {
        returnsWeights ? "an attention whose weights come out" : nil
    }

    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: AttentionCache) {
        let query = inputs[0].tensor.cast(to: .float32)
        let value = inputs[1].tensor.cast(to: .float32)
        let key = inputs[optional: 2]?.tensor.cast(to: .float32) ?? value
        let visible = AttentionMask(
            values: inputs[1].mask, isCausal: isCausal, steps: query.shape[1], positions: key.shape[1])
        let tanh = try sums(query, key, parameters).map { try ActivationFunction.tanh($0) }
        let scores = try visible.applied(to: scores(query, key, parameters)) { $0 - 1e9 }
        let weights = try ActivationFunction.softmax(scores)
        let mask = inputs[0].mask.map { $0.cast(to: .float32).reshaped($0.shape + [1]) }
        let noise = dropout > 0 && pass.isTraining ? pass.random.dropoutMask(weights.shape, rate: dropout) : nil
        var y = try einsum("bts,bsw->btw", noise.map { weights * $0 } ?? weights, value)
        if let mask { y = y * mask }
        let cache = AttentionCache(
            query: query, key: key, value: value, tanh: tanh, weights: weights, dropout: noise, queryMask: mask,
            hasKey: inputs[optional: 2] != nil)
        return ([Signal(y, mask: inputs[0].mask)], cache)
    }

    public func backward(
        _ outputs: [Tensor?], _ cache: AttentionCache, _ parameters: ParameterSet
    ) throws -> Gradients {
        guard var dy = outputs[0] else { return Gradients(inputs: [nil, nil, nil]) }
        if let mask = cache.queryMask { dy = dy * mask }
        let used = cache.dropout.map { cache.weights * $0 } ?? cache.weights
        let dValue = try einsum("bts,btw->bsw", used, dy)
        var dWeights = try einsum("btw,bsw->bts", dy, cache.value)
        if let dropout = cache.dropout { dWeights = dWeights * dropout }
        let dScores = cache.weights.softmaxBackward(dWeights)
        let (dQuery, dKey, gradients) = try scoreGradients(dScores, cache, parameters)
        guard cache.hasKey else { return Gradients(inputs: [dQuery, dValue + dKey], parameters: gradients) }
        return Gradients(inputs: [dQuery, dValue, dKey], parameters: gradients)
    }

    /// What tanh is applied to, [batch, steps, positions, features]; nil for products.
    private func sums(_ query: Tensor, _ key: Tensor, _ parameters: ParameterSet) throws -> Tensor? {
        guard score != .dot else { return nil }
        let (batch, features) = (query.shape[0], query.shape[2])
        let sum =
            query.reshaped([batch, query.shape[1], 1, features]) + key.reshaped([batch, 1, key.shape[1], features])
        return score == .concatenation && usesScale ? sum * (try parameters.required("scale")) : sum
    }

    private func scoreGradients(
        _ dScores: Tensor, _ cache: AttentionCache, _ parameters: ParameterSet
    ) throws -> (query: Tensor, key: Tensor, ParameterSet) {
        let scale = usesScale ? try parameters.required("scale") : Tensor(scalar: Float(1))
        guard let tanh = cache.tanh else {
            let scaled = dScores * scale
            var gradients = ParameterSet()
            if usesScale {
                gradients["scale"] = (dScores * (try einsum("btf,bsf->bts", cache.query, cache.key))).summed(to: [])
            }
            return (
                try einsum("bts,bsf->btf", scaled, cache.key), try einsum("bts,btf->bsf", scaled, cache.query),
                gradients
            )
        }
        let spread = dScores.reshaped(dScores.shape + [1])
        let slope = tanh.map { (t: Float) in 1 - t * t }
        var gradients = ParameterSet()
        var dSum: Tensor
        if score == .additive {
            if usesScale { gradients["scale"] = (tanh * spread).summedOverRows() }
            dSum = slope * spread * scale
        } else {
            let weight = try parameters.required("concat_score_weight")
            gradients["concat_score_weight"] = (tanh * spread).summed(to: [])
            dSum = slope * spread * weight
            if usesScale {
                let features = tanh.shape[3]
                let sum =
                    cache.query.reshaped([cache.query.shape[0], cache.query.shape[1], 1, features])
                    + cache.key.reshaped([cache.key.shape[0], 1, cache.key.shape[1], features])
                gradients["scale"] = (dSum * sum).summed(to: [])
                dSum = dSum * scale
            }
        }
        let (query, key) = (cache.query.shape, cache.key.shape)
        return (
            dSum.summed(to: [query[0], query[1], 1, query[2]]).reshaped(query),
            dSum.summed(to: [key[0], 1, key[1], key[2]]).reshaped(key), gradients
        )
    }
}

extension Tensor {
    /// dL/dx where this is softmax(x) along the last axis.
    func softmaxBackward(_ dy: Tensor) -> Tensor {
        self * (dy - (dy * self).summed(to: shape.dropLast() + [1]))
    }
}

extension MultiHeadAttention: TrainableOperator {
    public var untrainableReason: String? {
        returnsWeights ? "an attention whose weights come out" : nil
    }

    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: MultiHeadCache) {
        let (query, value) = (inputs[0].tensor.cast(to: .float32), inputs[1].tensor.cast(to: .float32))
        let key = inputs[optional: 2]?.tensor.cast(to: .float32) ?? value
        let projected = try HeadProjections(self, query, key, value, parameters)
        let weights = try weights(projected.query, projected.key, inputs)
        let noise = dropout > 0 && pass.isTraining ? pass.random.dropoutMask(weights.shape, rate: dropout) : nil
        let heads = try einsum("bnts,bsnh->btnh", noise.map { weights * $0 } ?? weights, projected.value)
        var y = try einsum("btnh,nhw->btw", heads, parameters.required("attention_output/kernel"))
        if useBias { y = y + (try parameters.required("attention_output/bias")) }
        let cache = MultiHeadCache(
            inputs: [query, key, value], projected: projected, weights: weights, dropout: noise, heads: heads,
            hasKey: inputs[optional: 2] != nil)
        return ([Signal(y, mask: inputs[0].mask)], cache)
    }

    public func backward(
        _ outputs: [Tensor?], _ cache: MultiHeadCache, _ parameters: ParameterSet
    ) throws -> Gradients {
        guard let dy = outputs[0] else { return Gradients(inputs: [nil, nil, nil]) }
        var gradients = ParameterSet()
        let dHeads = try einsum("btw,nhw->btnh", dy, parameters.required("attention_output/kernel"))
        let used = cache.dropout.map { cache.weights * $0 } ?? cache.weights
        let dV = try einsum("bnts,btnh->bsnh", used, dHeads)
        var dWeights = try einsum("btnh,bsnh->bnts", dHeads, cache.projected.value)
        if let dropout = cache.dropout { dWeights = dWeights * dropout }
        let dScores = cache.weights.softmaxBackward(dWeights).scaled(by: 1 / Float(keySize).squareRoot())
        let dQ = try einsum("bnts,bsnh->btnh", dScores, cache.projected.key)
        let dK = try einsum("bnts,btnh->bsnh", dScores, cache.projected.query)
        var inputs: [Tensor] = []
        for (name, x, d) in zip3(["query", "key", "value"], cache.inputs, [dQ, dK, dV]) {
            gradients["\(name)/kernel"] = try einsum("btf,btnh->fnh", x, d)
            if useBias {
                gradients["\(name)/bias"] = d.summed(to: [1, 1] + d.shape.dropFirst(2)).reshaped(
                    Array(d.shape.dropFirst(2)))
            }
            inputs.append(try einsum("btnh,fnh->btf", d, parameters.required("\(name)/kernel")))
        }
        gradients["attention_output/kernel"] = try einsum("btnh,btw->nhw", cache.heads, dy)
        if useBias { gradients["attention_output/bias"] = dy.summedOverRows() }
        guard cache.hasKey else { return Gradients(inputs: [inputs[0], inputs[1] + inputs[2]], parameters: gradients) }
        return Gradients(inputs: [inputs[0], inputs[2], inputs[1]], parameters: gradients)
    }

    private func zip3(_ names: [String], _ a: [Tensor], _ b: [Tensor]) -> [(String, Tensor, Tensor)] {
        names.indices.map { (names[$0], a[$0], b[$0]) }
    }
}

/// What a ``MultiHeadAttention`` keeps.
public struct MultiHeadCache {
    /// Queries, keys and values.
    let inputs: [Tensor]
    let projected: HeadProjections
    /// softmax of the scores, [batch, heads, steps, positions]
    let weights: Tensor
    /// What dropout multiplied the weights by.
    let dropout: Tensor?
    /// What the heads put out, [batch, steps, heads, size].
    let heads: Tensor
    let hasKey: Bool
}
