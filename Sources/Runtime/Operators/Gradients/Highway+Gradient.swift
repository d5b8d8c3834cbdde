public import FerryEngine

/// What a ``Highway`` keeps: x, the gate T and the transformed h.
public struct HighwayCache {
    let x: Tensor
    let gate: ActivationTape
    let transformed: ActivationTape
}

extension Highway: TrainableOperator {
    public var untrainableReason: String? { activation.trainableReason }

    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: HighwayCache) {
        let x = inputs[0].tensor.cast(to: .float32)
        func affine(_ kernel: String, _ bias: String) throws -> Tensor {
            var sums = x.product(try parameters.required(kernel).cast(to: .float32))
            if useBias { sums.addRow(try parameters.required(bias).cast(to: .float32)) }
            return sums
        }
        let gate = try ActivationTape(.sigmoid, affine("W_carry", "b_carry"))
        let transformed = try ActivationTape(activation, affine("W", "b"))
        let y = gate.y * transformed.y + (Tensor(scalar: Float(1)) - gate.y) * x
        return ([Signal(y)], HighwayCache(x: x, gate: gate, transformed: transformed))
    }

    /// dT = dy∘(h − x), dh = dy∘T
    public func backward(_ outputs: [Tensor?], _ cache: HighwayCache, _ parameters: ParameterSet) throws -> Gradients {
        guard let dy = outputs[0] else { return Gradients(inputs: [nil]) }
        let (x, gate) = (cache.x, cache.gate.y)
        let dGate = try cache.gate.backward(dy * (cache.transformed.y - x))
        let dTransformed = try cache.transformed.backward(dy * gate)
        var dx = dy * (Tensor(scalar: Float(1)) - gate)
        var gradients = ParameterSet()
        for (sums, kernel, bias) in [(dTransformed, "W", "b"), (dGate, "W_carry", "b_carry")] {
            dx = dx + sums.product(try parameters.required(kernel).cast(to: .float32), transposingRight: true)
            gradients[kernel] = x.product(sums, transposingLeft: true)
            if useBias { gradients[bias] = sums.summedOverRows() }
        }
        return Gradients(inputs: [dx], parameters: gradients)
    }
}
