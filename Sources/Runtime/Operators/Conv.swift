public import FerryEngine

/// y = τ(Σ x·W + b), where a window of weights slides over one to three axes (`Conv1D`, `Conv2D`, `Conv3D` of Keras).
///
/// Input and output: [batch, …, features], or [batch, features, …] where channels come first.
public struct Conv: Operator, Hashable {
    public static let kind = "Conv"

    /// The number of features of the output.
    public var filters: Int
    public var options: SpatialOptions
    /// In how many parts the features are kept apart.
    public var groups = 1
    /// τ
    public var activation: ActivationFunction
    public var useBias = true
    public var kernel = ParameterPolicy(.glorotUniform)
    public var bias = ParameterPolicy(.zeros)

    /// Keras's defaults.
    public init(_ filters: Int, _ options: SpatialOptions, activation: ActivationFunction = .linear) {
        self.filters = filters
        self.options = options
        self.activation = activation
    }

    /// Slides over one axis, time.
    public init(
        _ filters: Int, size: Int, padding: SpatialOptions.Padding = .valid, activation: ActivationFunction = .linear
    ) {
        self.init(filters, SpatialOptions(size: [size], padding: padding), activation: activation)
    }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let features = try options.features(inputs[0])
        guard groups > 0, features % groups == 0, filters % groups == 0 else {
            throw FerryError(
                .shape, found: "\(features) features and \(filters) filters", expected: "multiples of \(groups) groups")
        }
        return [ValueType(.float32, try options.outputShape(inputs[0].shape, features: .fixed(filters)))]
    }

    /// kernel […, features / groups, filters], bias [filters].
    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        let features = try options.features(inputs[0])
        let kernel = ParameterSpec("kernel", options.size + [features / max(groups, 1), filters], policy: kernel)
        return useBias ? [kernel, ParameterSpec("bias", [filters], policy: bias)] : [kernel]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let bias = useBias ? try parameters.required("bias") : nil
        let y = try convolved(inputs[0].tensor, parameters.required("kernel"), bias, options, groups: groups)
        return [Signal(try activation(y))]
    }
}

/// A ``Conv`` with `multiplier` filters for each feature, none of which sees another feature (Chollet 2017).
public struct DepthwiseConv: Operator, Hashable {
    public static let kind = "DepthwiseConv"

    /// The number of filters for each feature of the input.
    public var multiplier: Int
    public var options: SpatialOptions
    /// Applied to the result.
    public var activation: ActivationFunction
    public var useBias = true
    public var kernel = ParameterPolicy(.glorotUniform)
    public var bias = ParameterPolicy(.zeros)

    /// Keras's defaults.
    public init(_ options: SpatialOptions, multiplier: Int = 1, activation: ActivationFunction = .linear) {
        self.options = options
        self.multiplier = multiplier
        self.activation = activation
    }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let features = try options.features(inputs[0]) * multiplier
        return [ValueType(.float32, try options.outputShape(inputs[0].shape, features: .fixed(features)))]
    }

    /// kernel […, features, multiplier], bias [features · multiplier].
    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        let features = try options.features(inputs[0])
        let kernel = ParameterSpec("kernel", options.size + [features, multiplier], policy: kernel)
        return useBias ? [kernel, ParameterSpec("bias", [features * multiplier], policy: bias)] : [kernel]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let bias = useBias ? try parameters.required("bias") : nil
        return [Signal(try activation(depthwise(inputs[0].tensor, parameters.required("kernel"), bias, options)))]
    }
}

/// A ``DepthwiseConv`` without bias, then a ``Conv`` of one place (Chollet 2017).
public struct SeparableConv: Operator, Hashable {
    public static let kind = "SeparableConv"

    /// The number of features of the output.
    public var filters: Int
    /// The number of depthwise filters for each feature of the input.
    public var multiplier: Int
    public var options: SpatialOptions
    /// Applied to the result.
    public var activation: ActivationFunction
    public var useBias = true
    public var depthwiseKernel = ParameterPolicy(.glorotUniform)
    public var pointwiseKernel = ParameterPolicy(.glorotUniform)
    public var bias = ParameterPolicy(.zeros)

    /// Keras's defaults.
    public init(
        _ filters: Int, _ options: SpatialOptions, multiplier: Int = 1, activation: ActivationFunction = .linear
    ) {
        self.filters = filters
        self.options = options
        self.multiplier = multiplier
        self.activation = activation
    }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        _ = try options.features(inputs[0])
        return [ValueType(.float32, try options.outputShape(inputs[0].shape, features: .fixed(filters)))]
    }

    /// depthwise_kernel […, features, multiplier], pointwise_kernel [1 …, features · multiplier, filters], and
    /// bias [filters].
    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        let features = try options.features(inputs[0])
        let ones = options.size.map { _ in 1 }
        let kernels = [
            ParameterSpec("depthwise_kernel", options.size + [features, multiplier], policy: depthwiseKernel),
            ParameterSpec("pointwise_kernel", ones + [features * multiplier, filters], policy: pointwiseKernel),
        ]
        return useBias ? kernels + [ParameterSpec("bias", [filters], policy: bias)] : kernels
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let bias = useBias ? try parameters.required("bias") : nil
        let apart = try depthwise(inputs[0].tensor, parameters.required("depthwise_kernel"), nil, options)
        var single = SpatialOptions(size: options.size.map { _ in 1 })
        single.channelsFirst = options.channelsFirst
        let y = try convolved(apart, parameters.required("pointwise_kernel"), bias, single, groups: 1)
        return [Signal(try activation(y))]
    }
}

/// The convolution of `x` with a kernel in Keras's layout, […, features / groups, filters].
func convolved(
    _ x: Tensor, _ kernel: Tensor, _ bias: Tensor?, _ options: SpatialOptions, groups: Int
) throws -> Tensor {
    let order = FeatureAxis(options.channelsFirst)
    let weights = kernel.transposed([options.axes + 1, options.axes] + Array(0..<options.axes))
    let inputs = [order.first(x.cast(to: .float32)), weights, bias].compactMap { $0 }.map { Signal($0) }
    var plain = LayerState()
    let y = try Convolution(options.window, groups: groups).evaluate(Slots(inputs), ParameterSet(), &plain)
    return order.restored(y[0].tensor)
}

/// The depthwise convolution of `x` with a kernel […, features, multiplier].
private func depthwise(_ x: Tensor, _ kernel: Tensor, _ bias: Tensor?, _ options: SpatialOptions) throws -> Tensor {
    let (features, multiplier) = (kernel.shape[options.axes], kernel.shape[options.axes + 1])
    // Feature by feature, the filters of all groups lie side by side.
    return try convolved(
        x, kernel.reshaped(options.size + [1, features * multiplier]), bias, options, groups: features)
}
