import FerryEngine

/// The convolutions of a layer, one after another, and the activation behind them.
public struct ConvolutionCache {
    let tapes: [ConvolutionTape]
    let activation: ActivationTape
}

/// A convolution with an activation; its convolutions share a window's conventions.
protocol ConvolvingOperator: TrainableOperator where Cache == ConvolutionCache {
    var options: SpatialOptions { get }
    var activation: ActivationFunction { get }
    var useBias: Bool { get }
    /// The convolutions that lead from the input to the sums.
    func convolve(_ x: Tensor, _ parameters: ParameterSet) throws -> [ConvolutionTape]
    /// The gradients of the kernels under their names, from those of the tapes' kernels.
    func kernelGradients(_ gradients: [Tensor], _ parameters: ParameterSet) throws -> ParameterSet
}

extension ConvolvingOperator {
    public var untrainableReason: String? { activation.trainableReason }

    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: ConvolutionCache) {
        let tapes = try convolve(inputs[0].tensor, parameters)
        var y = tapes.last?.y ?? inputs[0].tensor
        if useBias { y = y.addingBias(try parameters.required("bias"), channelsFirst: options.channelsFirst) }
        let tape = try ActivationTape(activation, y)
        return ([Signal(tape.y)], ConvolutionCache(tapes: tapes, activation: tape))
    }

    public func backward(
        _ outputs: [Tensor?], _ cache: ConvolutionCache, _ parameters: ParameterSet
    ) throws -> Gradients {
        guard let output = outputs[0] else { return Gradients(inputs: [nil]) }
        var dy = try cache.activation.backward(output)
        let bias = useBias ? dy.summedOverPlaces(channelsFirst: options.channelsFirst) : nil
        var kernels: [Tensor] = []
        for tape in cache.tapes.reversed() {
            let (dx, kernel) = tape.backward(dy)
            kernels.insert(kernel, at: 0)
            dy = dx
        }
        var gradients = try kernelGradients(kernels, parameters)
        if let bias { gradients["bias"] = bias }
        return Gradients(inputs: [dy], parameters: gradients)
    }

    /// A convolution in which each feature has `multiplier` filters, with a kernel […, features, multiplier].
    fileprivate func depthwise(_ x: Tensor, _ kernel: Tensor) throws -> ConvolutionTape {
        let (features, multiplier) = (kernel.shape[options.axes], kernel.shape[options.axes + 1])
        return try ConvolutionTape(
            x, kernel.reshaped(options.size + [1, features * multiplier]), options, groups: features)
    }
}

extension Conv: ConvolvingOperator {
    func convolve(_ x: Tensor, _ parameters: ParameterSet) throws -> [ConvolutionTape] {
        [try ConvolutionTape(x, parameters.required("kernel"), options, groups: groups)]
    }

    func kernelGradients(_ gradients: [Tensor], _ parameters: ParameterSet) throws -> ParameterSet {
        ["kernel": gradients[0]]
    }
}

extension DepthwiseConv: ConvolvingOperator {
    func convolve(_ x: Tensor, _ parameters: ParameterSet) throws -> [ConvolutionTape] {
        [try depthwise(x, parameters.required("kernel"))]
    }

    func kernelGradients(_ gradients: [Tensor], _ parameters: ParameterSet) throws -> ParameterSet {
        ["kernel": gradients[0].reshaped(try parameters.required("kernel").shape)]
    }
}

extension SeparableConv: ConvolvingOperator {
    func convolve(_ x: Tensor, _ parameters: ParameterSet) throws -> [ConvolutionTape] {
        let apart = try depthwise(x, parameters.required("depthwise_kernel"))
        var single = SpatialOptions(size: options.size.map { _ in 1 })
        single.channelsFirst = options.channelsFirst
        return [apart, try ConvolutionTape(apart.y, parameters.required("pointwise_kernel"), single, groups: 1)]
    }

    func kernelGradients(_ gradients: [Tensor], _ parameters: ParameterSet) throws -> ParameterSet {
        [
            "depthwise_kernel": gradients[0].reshaped(try parameters.required("depthwise_kernel").shape),
            "pointwise_kernel": gradients[1],
        ]
    }
}
