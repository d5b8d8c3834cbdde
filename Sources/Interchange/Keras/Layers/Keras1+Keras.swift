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
        guard (config.take("layers")?.arrayValue ?? []).isEmpty else {
            throw FerryError(
                .unsupported, found: "a Merge of models inside a Sequential model", expected: "a functional model",
                remedy: "rebuild the model with keras.Input and keras.layers")
        }
        // What follows from the inputs, or names Python code that none of the modes below runs.
        config.ignore(
            "mode_type", "output_shape", "output_shape_type", "output_mask", "output_mask_type", "arguments",
            "node_indices", "tensor_indices")
        func combined(_ function: Merge.Function) -> Merge {
            var merge = Merge(function)
            merge.maskMerge = .all
            return merge
        }
        func dot(normalizes: Bool) -> Dot { Dot(axes: (axes.first ?? -1, axes.last ?? -1), normalizes: normalizes) }
        switch mode {
        case "sum": return combined(.add)
        case "mul": return combined(.multiply)
        case "ave": return combined(.average)
        case "max": return combined(.maximum)
        case "dot": return dot(normalizes: false)
        case "cos": return dot(normalizes: true)
        case "concat":
            var concatenate = Concatenate(axis: axis)
            concatenate.maskMerge = .all
            return concatenate
        default: throw config.unexpected(.string(mode), "mode", "sum, mul, ave, max, dot, cos or concat")
        }
    }
}
