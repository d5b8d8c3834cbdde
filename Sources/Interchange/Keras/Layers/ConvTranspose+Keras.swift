import FerryEngine
package import FerryRuntime

extension ConvTranspose: KerasLayer {
    package static let kerasClasses = [
        "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "Deconvolution2D", "Deconvolution3D",
    ]

    package init(keras config: inout KerasConfig) throws {
        let axes = config.axesOfClass
        self.init(
            try config.int("filters", "nb_filter"), try SpatialOptions(keras: &config, axes: axes),
            activation: try config.activation("activation"))
        if let padding = config.take("output_padding") {
            guard let list = padding.intList, list.count == 1 || list.count == axes else {
                throw config.unexpected(padding, "output_padding", "\(axes) integers")
            }
            outputPadding = list.count == axes ? list : Array(repeating: list[0], count: axes)
        }
        useBias = try config.bool("use_bias", "bias", default: true)
        kernel = try config.policy("kernel", old: ("init", "W_regularizer", "W_constraint"), default: .glorotUniform)
        bias = try config.policy("bias", old: ("bias_init", "b_regularizer", "b_constraint"), default: .zeros)
        // Keras 1 asked for the output shape, which follows; Keras 2 inherits `groups` and does not use it.
        config.ignore("output_shape", "groups")
    }

    package func kerasClass(_ version: KerasVersion) -> String { "Conv\(options.axes)DTranspose" }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        [("filters", .int(filters))] + options.kerasSettings + [
            ("output_padding", outputPadding?.kerasList ?? .null), ("activation", try version.activation(activation)),
            ("use_bias", .bool(useBias)),
        ] + version.settings("kernel", kernel) + version.settings("bias", bias)
    }

    package func modernized(_ weights: [KerasWeight], for specs: [ParameterSpec]) throws -> [KerasWeight] {
        try modernizedKernels(weights, specs, options)
    }
}
