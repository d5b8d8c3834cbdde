import FerryEngine
package import FerryRuntime

extension EinsumDense: KerasLayer {
    package static let kerasClasses = ["EinsumDense"]

    package init(keras config: inout KerasConfig) throws {
        let shape = config.take("output_shape")
        let list = shape?.intValue.map { [$0] } ?? shape?.arrayValue?.map(\.intValue) ?? []
        try self.init(
            config.string("equation"), outputShape: list, biasAxes: config.take("bias_axes")?.stringValue,
            activation: config.activation("activation"))
        kernel = try config.policy("kernel", default: .glorotUniform)
        bias = try config.policy("bias", default: .zeros)
        try config.require("lora_rank", oneOf: .null)
        try config.require("quantization_config", oneOf: .null)
        config.ignore("lora_alpha", "gptq_unpacked_column_size")
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        [
            ("equation", .string(equation)),
            ("output_shape", .array(outputShape.map { $0.map(JSONValue.int) ?? .null })),
            ("activation", try version.activation(activation)), ("bias_axes", biasAxes.map(JSONValue.string) ?? .null),
        ] + version.settings("kernel", kernel) + version.settings("bias", bias)
    }
}
