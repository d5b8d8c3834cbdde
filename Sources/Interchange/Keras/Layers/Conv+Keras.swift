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
        modernizedKernel(weights, specs, axes: options.axes)
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

/// Weights of a convolution whose kernel, the first, may be laid out as older versions of Keras or Theano had it.
func modernizedKernel(_ weights: [KerasWeight], _ specs: [ParameterSpec], axes: Int) -> [KerasWeight] {
    guard var kernel = weights.first?.tensor, let needed = specs.first?.shape, kernel.shape != needed else {
        return weights
    }
    // Keras 1 kept Conv1D as a picture one row wide, filters first in Theano's order.
    if axes == 1 && kernel.rank == 4 {
        if kernel.shape[0] == needed[2] && kernel.shape[2] == needed[0] { kernel = kernel.transposed([2, 3, 1, 0]) }
        if kernel.shape == [needed[0], 1] + needed.dropFirst() { kernel = kernel.reshaped(needed) }
    } else if kernel.rank == axes + 2 {
        let theano = kernel.transposed(Array(2..<kernel.rank) + [1, 0])
        if theano.shape == needed { kernel = theano }
    }
    return [KerasWeight(weights[0].name, kernel)] + weights.dropFirst()
}
