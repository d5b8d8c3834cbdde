package import FerryEngine
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
        if let dropout = config.take("dropout")?.doubleValue, dropout != 0 {
            throw FerryError(.unsupported, found: "dropout \(dropout) of Keras 1's Embedding", expected: "0")
        }
        try config.require("lora_rank", oneOf: .null)
        try config.require("quantization_config", oneOf: .null)
        try config.require("sparse", oneOf: false, .null)
        config.ignore("input_length", "weights", "lora_alpha")
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        [("input_dim", .int(vocabulary)), ("output_dim", .int(size))]
            + version.settings("embeddings", embeddings)
            + [("mask_zero", .bool(maskZero))]
    }
}
