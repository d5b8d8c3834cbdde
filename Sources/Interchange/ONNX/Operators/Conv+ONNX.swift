import FerryEngine
package import FerryRuntime

/// Conv, between two Transposes where the features come last; then the nodes of the activation.
extension Conv: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let kernel = emitter.parameter("kernel", try parameters.float32("kernel").asONNXWeights())
        let bias = useBias ? [emitter.parameter("bias", try parameters.float32("bias"))] : []
        let y = emitter.slide(options, over: inputs[0]) { x, emitter, attributes in
            emitter.apply(
                "Conv", [x, kernel] + bias, outputs: [true],
                attributes: attributes + [ONNXAttribute("group", .int(groups))])[0]
        }
        let shape = try outputTypes(for: inputs.map(\.type))[0].shape
        return try signals(emitter.activate(y, activation, shape), for: inputs)
    }
}

/// Conv with a group for each feature.
extension DepthwiseConv: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let kernel = try parameters.float32("kernel")
        let weights = emitter.parameter("kernel", kernel.asDepthwiseONNXWeights())
        let bias = useBias ? [emitter.parameter("bias", try parameters.float32("bias"))] : []
        let groups = ONNXAttribute("group", .int(kernel.shape[options.axes]))
        let y = emitter.slide(options, over: inputs[0]) { x, emitter, attributes in
            emitter.apply("Conv", [x, weights] + bias, outputs: [true], attributes: attributes + [groups])[0]
        }
        let shape = try outputTypes(for: inputs.map(\.type))[0].shape
        return try signals(emitter.activate(y, activation, shape), for: inputs)
    }
}

/// Conv with a group for each feature, then Conv of one place.
extension SeparableConv: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let kernel = try parameters.float32("depthwise_kernel")
        let depthwise = emitter.parameter("depthwise_kernel", kernel.asDepthwiseONNXWeights())
        let pointwise = emitter.parameter(
            "pointwise_kernel", try parameters.float32("pointwise_kernel").asONNXWeights())
        let bias = useBias ? [emitter.parameter("bias", try parameters.float32("bias"))] : []
        let groups = ONNXAttribute("group", .int(kernel.shape[options.axes]))
        let y = emitter.slide(options, over: inputs[0]) { x, emitter, attributes in
            let apart = emitter.apply("Conv", [x, depthwise], outputs: [true], attributes: attributes + [groups])
            return emitter.apply("Conv", to: apart + [pointwise] + bias)
        }
        let shape = try outputTypes(for: inputs.map(\.type))[0].shape
        return try signals(emitter.activate(y, activation, shape), for: inputs)
    }
}

extension Tensor {
    /// A kernel […, features / groups, filters] as [filters, features / groups, …].
    func asONNXWeights() -> Tensor { transposed([rank - 1, rank - 2] + Array(0..<(rank - 2))) }

    /// A kernel […, features, multiplier] as [features · multiplier, 1, …].
    fileprivate func asDepthwiseONNXWeights() -> Tensor {
        reshaped(shape.dropLast(2) + [1, shape.suffix(2).reduce(1, *)]).asONNXWeights()
    }
}

extension ONNXEmitter {
    /// What `body` makes of the input as [batch, features, …], given the attributes of the window, in the input's order.
    mutating func slide(
        _ options: SpatialOptions, over input: ONNXSignal,
        _ body: (_ x: String, _ emitter: inout ONNXEmitter, _ attributes: [ONNXAttribute]) -> String
    ) -> String {
        let order = ONNXFeatureOrder(rank: input.type.rank, isFirst: options.channelsFirst)
        let shape = order.toFirst.map { input.type.shape[$0] }
        let x = slide(options.window, over: transpose(float32(input), order.toFirst), shape)
        return transpose(body(x.name, &self, x.attributes), order.back)
    }
}

/// How the features of [batch, …, features] become axis 1, and how they go back.
struct ONNXFeatureOrder {
    /// The permutation to [batch, features, …].
    let toFirst: [Int]
    /// The permutation back.
    let back: [Int]
    /// The axes between batch and features, in the layer's own order.
    let spatial: Range<Int>

    /// The order of a value of `rank` axes, whose features may be axis 1 already.
    init(rank: Int, isFirst: Bool) {
        let identity = Array(0..<rank)
        toFirst = isFirst ? identity : [0, rank - 1] + Array(1..<(rank - 1))
        back = isFirst ? identity : [0] + Array(2..<rank) + [1]
        spatial = isFirst ? 2..<rank : 1..<(rank - 1)
    }
}
