import FerryEngine
package import FerryRuntime

extension Conv: KerasLayer {
    package static let kerasClasses = [
        "Conv1D", "Conv2D", "Conv3D", "Convolution1D", "Convolution2D", "Convolution3D", "AtrousConvolution1D",
        "AtrousConvolution2D",
    ]

    package init(keras config: inout KerasConfig) throws {
        self.init(
            try config.int("filters", "nb_filter"), try SpatialOptions(keras: &config, axes: config.axesOfClass),
            activation: try config.activation("activation"))
        groups = try config.int("groups", default: 1)
        useBias = try config.bool("use_bias", "bias", default: true)
        kernel = try config.policy("kernel", old: ("init", "W_regularizer", "W_constraint"), default: .glorotUniform)
        bias = try config.policy("bias", old: ("bias_init", "b_regularizer", "b_constraint"), default: .zeros)
        try config.require("lora_rank", oneOf: .null)
        config.ignore("input_dim", "input_length", "lora_alpha")
    }

    package func kerasClass(_ version: KerasVersion) -> String { "Conv\(options.axes)D" }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        [("filters", .int(filters))] + options.kerasSettings + [
            ("groups", .int(groups)), ("activation", try version.activation(activation)), ("use_bias", .bool(useBias)),
        ] + version.settings("kernel", kernel) + version.settings("bias", bias)
    }

    package func modernized(_ weights: [KerasWeight], for specs: [ParameterSpec]) throws -> [KerasWeight] {
        try modernizedKernels(weights, specs, options)
    }
}

extension DepthwiseConv: KerasLayer {
    package static let kerasClasses = ["DepthwiseConv1D", "DepthwiseConv2D"]

    package init(keras config: inout KerasConfig) throws {
        let options = try SpatialOptions(keras: &config, axes: config.axesOfClass)
        self.init(
            options, multiplier: try config.int("depth_multiplier", default: 1),
            activation: try config.activation("activation"))
        useBias = try config.bool("use_bias", default: true)
        kernel = try config.policy("depthwise", default: .glorotUniform)
        bias = try config.policy("bias", default: .zeros)
        // What Keras 2 inherits from Conv2D and does not use.
        config.ignore("filters", "groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint")
    }

    package func kerasClass(_ version: KerasVersion) -> String { "DepthwiseConv\(options.axes)D" }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        options.kerasSettings + [
            ("depth_multiplier", .int(multiplier)), ("activation", try version.activation(activation)),
            ("use_bias", .bool(useBias)),
        ] + version.settings("depthwise", kernel) + version.settings("bias", bias)
    }
}

extension SeparableConv: KerasLayer {
    package static let kerasClasses = ["SeparableConv1D", "SeparableConv2D", "SeparableConvolution2D"]

    package init(keras config: inout KerasConfig) throws {
        self.init(
            try config.int("filters", "nb_filter"), try SpatialOptions(keras: &config, axes: config.axesOfClass),
            multiplier: try config.int("depth_multiplier", default: 1), activation: try config.activation("activation"))
        useBias = try config.bool("use_bias", "bias", default: true)
        depthwiseKernel = try config.policy(
            "depthwise", old: ("init", "depthwise_regularizer", "depthwise_constraint"), default: .glorotUniform)
        pointwiseKernel = try config.policy("pointwise", default: .glorotUniform)
        bias = try config.policy("bias", old: ("bias_init", "b_regularizer", "b_constraint"), default: .zeros)
        // What Keras 2 inherits from Conv2D and does not use.
        config.ignore("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint")
    }

    package func kerasClass(_ version: KerasVersion) -> String { "SeparableConv\(options.axes)D" }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        guard !version.isKeras3 || options.padding != .causal else {
            throw FerryError(
                .unsupported, found: "padding 'causal', which Keras 3 has for Conv1D only",
                expected: "'valid' or 'same'",
                remedy: "write it for Keras 2, or as ONNX")
        }
        return [("filters", .int(filters))] + options.kerasSettings + [
            ("depth_multiplier", .int(multiplier)), ("activation", try version.activation(activation)),
            ("use_bias", .bool(useBias)),
        ] + version.settings("depthwise", depthwiseKernel) + version.settings("pointwise", pointwiseKernel)
            + version.settings("bias", bias)
    }
}

/// Weights of which the first `count` are kernels of a convolution that older versions of Keras, or Theano, may have
/// laid out otherwise.
func modernizedKernels(
    _ weights: [KerasWeight], _ specs: [ParameterSpec], _ options: SpatialOptions, count: Int = 1
) throws -> [KerasWeight] {
    let isEven = options.size.contains { $0 % 2 == 0 } || options.strides.contains { $0 != 1 }
    guard weights.first?.isOfTheano != true || options.padding != .same || !isEven else {
        throw FerryError(
            .unsupported, found: "padding 'same' as Theano places it under windows of even size or with strides",
            expected: "windows of odd size without strides", remedy: "open it in Keras 2.3 with Theano, and export ONNX"
        )
    }
    return zip(weights, specs).prefix(count).map { weight, spec in
        var kernel = weight.tensor
        // Keras 1 named kernels W, and kept them like Theano where features came first.
        let isFiltersFirst = options.channelsFirst && (weight.name.hasSuffix("_W") || weight.name.hasSuffix("_W:0"))
        if kernel.shape != spec.shape || isFiltersFirst {
            kernel = kernel.kernelTransposed(to: spec.shape, axes: options.axes)
        }
        // Theano's convolution is the one of mathematics, not the correlation of all others (`convert_kernel`).
        let turned = weight.isOfTheano ? (0..<options.axes).reduce(kernel) { $0.reversed(axis: $1) } : kernel
        return KerasWeight(weight.name, turned)
    } + weights.dropFirst(count)
}

extension Tensor {
    /// The kernel with its axes in the order of `needed`, [..., inputs, filters], where it has another one.
    fileprivate func kernelTransposed(to needed: [Int], axes: Int) -> Tensor {
        if axes == 1 && rank == 4 {
            // Keras 1 kept Conv1D as a picture one row wide, before 1.2 with the filters first.
            let picture = [needed[0], 1] + needed.dropFirst()
            let candidate = shape == picture ? self : transposed([2, 3, 1, 0])
            return candidate.shape == picture ? candidate.reshaped(needed) : self
        }
        guard rank == axes + 2 else { return self }
        let theano = transposed(Array(2..<rank) + [1, 0])
        return theano.shape == needed ? theano : self
    }
}
