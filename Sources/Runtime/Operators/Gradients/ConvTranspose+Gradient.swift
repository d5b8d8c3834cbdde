public import FerryEngine

/// Forward is the input gradient of a convolution, so backward is the convolution itself.
extension ConvTranspose: TrainableOperator {
    public var untrainableReason: String? { activation.trainableReason }

    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: (x: Tensor, activation: ActivationTape)) {
        var linear = self
        linear.activation = .linear
        let sums = try linear.plain(inputs, parameters)[0].tensor
        let tape = try ActivationTape(activation, sums)
        return ([Signal(tape.y)], (inputs[0].tensor.cast(to: .float32), tape))
    }

    public func backward(
        _ outputs: [Tensor?], _ cache: (x: Tensor, activation: ActivationTape), _ parameters: ParameterSet
    ) throws -> Gradients {
        guard let output = outputs[0] else { return Gradients(inputs: [nil]) }
        let dy = try cache.activation.backward(output)
        // [filters of the transpose, features] are features and filters of the convolution from dy to dx.
        let tape = try ConvolutionTape(dy, parameters.required("kernel"), options, groups: 1)
        let (_, kernel) = tape.backward(cache.x)
        var gradients: ParameterSet = ["kernel": kernel]
        if useBias { gradients["bias"] = dy.summedOverPlaces(channelsFirst: options.channelsFirst) }
        return Gradients(inputs: [tape.y], parameters: gradients)
    }
}
