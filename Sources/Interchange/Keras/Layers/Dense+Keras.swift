import FerryEngine
package import FerryRuntime

extension Dense: KerasLayer {
    package static let kerasClasses = ["Dense"]

    package init(keras config: inout KerasConfig) throws {
        self.init(try config.int("units", "output_dim"), activation: try config.activation("activation"))
        useBias = try config.bool("use_bias", "bias", default: true)
        kernel = try config.policy("kernel", old: ("init", "W_regularizer", "W_constraint"), default: .glorotUniform)
        bias = try config.policy("bias", old: ("bias_init", "b_regularizer", "b_constraint"), default: .zeros)
        try config.require("lora_rank", oneOf: .null)
        try config.require("quantization_config", oneOf: .null)
        config.ignore("input_dim", "lora_alpha")
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        [
            ("units", .int(units)), ("activation", try version.activation(activation)), ("use_bias", .bool(useBias)),
        ] + version.settings("kernel", kernel) + version.settings("bias", bias)
    }
}
