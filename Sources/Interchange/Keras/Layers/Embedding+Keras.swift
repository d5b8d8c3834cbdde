import FerryEngine
package import FerryRuntime

extension Embedding: KerasLayer {
    package static let kerasClasses = ["Embedding"]

    package init(keras config: inout KerasConfig) throws {
        self.init(
            try config.int("input_dim"), try config.int("output_dim"),
            maskZero: try config.bool("mask_zero", default: false))
        embeddings = try config.policy(
            "embeddings", old: ("init", "W_regularizer", "W_constraint"),
            default: .uniform(minimum: -0.05, maximum: 0.05))
        try config.require("lora_rank", oneOf: .null)
        try config.require("quantization_config", oneOf: .null)
        try config.require("sparse", oneOf: false, .null)
        // Keras 1 dropped words in training here; a layer of its own does that today.
        config.ignore("dropout", "input_length", "weights", "lora_alpha")
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        [("input_dim", .int(vocabulary)), ("output_dim", .int(size))]
            + version.settings("embeddings", embeddings)
            + [("mask_zero", .bool(maskZero))]
    }
}
