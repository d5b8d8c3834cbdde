import FerryEngine
package import FerryRuntime

/// Classes of Keras 1 that are other layers today.
package enum KerasRenamed {
    /// What each of them is.
    package static let operators: [String: @Sendable (inout KerasConfig) throws -> any Operator] = [
        "TimeDistributedDense": { config in
            config.ignore("input_length")
            return try Dense(keras: &config)
        },
        "Merge": merge,
    ]

    /// The layer behind `Merge(mode=…)`.
    private static func merge(_ config: inout KerasConfig) throws -> any Operator {
        let mode = try config.string("mode", default: "sum")
        let axis = try config.int("concat_axis", default: -1)
        let axes =
            config.take("dot_axes").flatMap { $0.intList ?? $0.arrayValue?.compactMap { $0.intList?.first } } ?? [-1]
        // The models that it merges where it is the first layer; the graph's reader has added them. What follows from the inputs, or names Python code that none of the modes below runs.
        config.ignore(
            "layers", "mode_type", "output_shape", "output_shape_type", "output_mask", "output_mask_type", "arguments",
            "node_indices", "tensor_indices")
        func combined(_ function: Merge.Function) -> Merge {
            var merge = Merge(function)
            merge.maskMerge = .all
            return merge
        }
        switch mode {
        case "sum": return combined(.add)
        case "mul": return combined(.multiply)
        case "ave": return combined(.average)
        case "max": return combined(.maximum)
        case "dot": return Dot(axes: (axes.first ?? -1, axes.last ?? -1))
        case "cos": return CosineMerge(axes: (axes.first ?? -1, axes.last ?? -1))
        case "concat":
            var concatenate = Concatenate(axis: axis)
            concatenate.maskMerge = .all
            return concatenate
        default: throw config.unexpected(.string(mode), "mode", "sum, mul, ave, max, dot, cos or concat")
        }
    }
}

extension Highway: KerasLayer {
    package static let kerasClasses = ["Highway"]

    package init(keras config: inout KerasConfig) throws {
        self.init(activation: try config.activation("activation"))
        useBias = try config.bool("bias", default: true)
        kernel = try config.policy("kernel", old: ("init", "W_regularizer", "W_constraint"), default: .glorotUniform)
        bias = try config.policy("bias", old: ("bias_init", "b_regularizer", "b_constraint"), default: .zeros)
        // The published class saves it and does not use it.
        config.ignore("transform_bias", "input_dim")
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings { throw FerryError.notInKeras(version) }
}

extension MaxoutDense: KerasLayer {
    package static let kerasClasses = ["MaxoutDense"]

    package init(keras config: inout KerasConfig) throws {
        self.init(try config.int("output_dim"), pieces: try config.int("nb_feature", default: 4))
        useBias = try config.bool("bias", default: true)
        kernel = try config.policy("kernel", old: ("init", "W_regularizer", "W_constraint"), default: .glorotUniform)
        bias = try config.policy("bias", old: ("bias_init", "b_regularizer", "b_constraint"), default: .zeros)
        config.ignore("input_dim")
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings { throw FerryError.notInKeras(version) }
}

extension CosineMerge: KerasLayer {
    /// Keras 1 has it as a mode of `Merge` only.
    package static let kerasClasses: [String] = []

    package init(keras config: inout KerasConfig) throws { self.init(axes: (-1, -1)) }

    package func kerasClass(_ version: KerasVersion) -> String { "Merge" }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings { throw FerryError.notInKeras(version) }
}
