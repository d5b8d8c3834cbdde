import FerryEngine
package import FerryRuntime

extension Attention: KerasCallable {
    package static let kerasClasses = ["Attention", "AdditiveAttention"]

    package init(keras config: inout KerasConfig) throws {
        if let foreign = ["step_dim", "features_dim", "units", "attention_dim", "return_attention", "W_regularizer"]
            .first(where: config.has)
        {
            throw FerryError(
                .unknownLayer,
                found: "is somebody's own class, of which there are many by this name: it has '\(foreign)'",
                expected: "the Attention of Keras",
                remedy: "give a Swift operator in its place (ReadOptions.custom)")
        }
        let isAdditive = config.className == "AdditiveAttention"
        let mode = try config.string("score_mode", default: "dot")
        guard let score = isAdditive ? .additive : ["dot": Score.dot, "concat": .concatenation][mode] else {
            throw config.unexpected(.string(mode), "score_mode", "'dot' or 'concat'")
        }
        self.init(score, usesScale: try config.bool("use_scale", default: isAdditive))
        isCausal = try config.bool("causal", default: false)
        dropout = try config.double("dropout", default: 0)
        config.ignore("seed")
    }

    package mutating func take(kerasCall options: inout KerasConfig) throws {
        isCausal = try options.bool("use_causal_mask", default: isCausal)
        returnsWeights = try options.bool("return_attention_scores", default: false)
    }

    package func kerasCall() -> KerasSettings {
        (isCausal ? [("use_causal_mask", true)] : []) + (returnsWeights ? [("return_attention_scores", true)] : [])
    }

    package func kerasClass(_ version: KerasVersion) -> String {
        score == .additive ? "AdditiveAttention" : "Attention"
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        let mode: KerasSettings = score == .additive ? [] : [("score_mode", score == .dot ? "dot" : "concat")]
        return [("use_scale", .bool(usesScale))] + mode + [("dropout", .double(dropout))]
    }
}

extension MultiHeadAttention: KerasCallable {
    package static let kerasClasses = ["MultiHeadAttention"]

    package init(keras config: inout KerasConfig) throws {
        self.init(
            heads: try config.int("num_heads"), keySize: try config.int("key_dim"),
            valueSize: config.take("value_dim")?.intValue)
        if let shape = config.take("output_shape") {
            guard let list = shape.intList, list.count == 1 else {
                throw config.unexpected(shape, "output_shape", "one length")
            }
            outputSize = list[0]
        }
        useBias = try config.bool("use_bias", default: true)
        dropout = try config.double("dropout", default: 0)
        kernel = try config.policy("kernel", default: .glorotUniform)
        bias = try config.policy("bias", default: .zeros)
        try config.require("attention_axes", oneOf: .null, [1], 1)
        try config.require("use_gate", oneOf: false)
        try config.require("sliding_window", oneOf: .null)
        config.ignore("seed", "flash_attention", "query_shape", "key_shape", "value_shape", "softmax_robust_masking")
    }

    package mutating func take(kerasCall options: inout KerasConfig) throws {
        isCausal = try options.bool("use_causal_mask", default: false)
        returnsWeights = try options.bool("return_attention_scores", default: false)
    }

    package func kerasCall() -> KerasSettings {
        (isCausal ? [("use_causal_mask", true)] : []) + (returnsWeights ? [("return_attention_scores", true)] : [])
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        // Keras 2 wants to be told that nobody has seen its inputs.
        let shapes: KerasSettings =
            version.isKeras3 ? [] : [("query_shape", .null), ("key_shape", .null), ("value_shape", .null)]
        return shapes + [
            ("num_heads", .int(heads)), ("key_dim", .int(keySize)), ("value_dim", .int(valueSize)),
            ("dropout", .double(dropout)), ("use_bias", .bool(useBias)),
            ("output_shape", outputSize.map { [.int($0)] } ?? .null), ("attention_axes", [1]),
        ] + version.settings("kernel", kernel) + version.settings("bias", bias)
    }

    package func kerasVariables(_ specs: [ParameterSpec]) -> [KerasVariableGroup] {
        ["query", "key", "value", "attention_output"].map { name in
            let path = name == "attention_output" ? "output_dense" : "\(name)_dense"
            return KerasVariableGroup(path, specs.inside(name).map { "\(name)/\($0.name)" })
        }
    }
}
