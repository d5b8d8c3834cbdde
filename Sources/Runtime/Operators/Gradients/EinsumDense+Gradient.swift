public import FerryEngine

extension EinsumDense: TrainableOperator {
    public var untrainableReason: String? {
        if let reason = activation.trainableReason { return reason }
        let names = terms.map { Set($0.filter(\.isLetter)) }
        // An axis of one side alone is summed along; its gradient would have to be stretched, not multiplied.
        let lost = names[0].subtracting(names[1].union(names[2])).union(names[1].subtracting(names[0].union(names[2])))
        return lost.isEmpty ? nil : "the equation '\(equation)', which sums along an axis of one input alone,"
    }

    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: (x: Tensor, activation: ActivationTape)) {
        let x = inputs[0].tensor.cast(to: .float32)
        var y = try FerryRuntime.einsum(equation, x, parameters.required("kernel"))
        if biasAxes != nil { y = y + (try parameters.required("bias")) }
        let tape = try ActivationTape(activation, y)
        return ([Signal(tape.y)], (x, tape))
    }

    public func backward(
        _ outputs: [Tensor?], _ cache: (x: Tensor, activation: ActivationTape), _ parameters: ParameterSet
    ) throws -> Gradients {
        guard let output = outputs[0] else { return Gradients(inputs: [nil]) }
        let dy = try cache.activation.backward(output)
        let kernel = try parameters.required("kernel")
        let dx = try FerryRuntime.einsum("\(terms[2]),\(terms[1])->\(terms[0])", dy, kernel)
        var gradients: ParameterSet = [
            "kernel": try FerryRuntime.einsum("\(terms[0]),\(terms[2])->\(terms[1])", cache.x, dy)
        ]
        if biasAxes != nil {
            let bias = try parameters.required("bias")
            gradients["bias"] = dy.summed(to: bias.shape)
        }
        return Gradients(inputs: [dx], parameters: gradients)
    }
}
