import FerryEngine
package import FerryRuntime

extension BatchNormalization: KerasLayer {
    package static let kerasClasses = ["BatchNormalization", "BatchNormalizationV1", "BatchNormalizationV2"]

    package init(keras config: inout KerasConfig) throws {
        let axes = try config.ints("axis", default: [-1])
        guard axes.count == 1 else {
            throw FerryError(.unsupported, found: "axes \(axes)", expected: "one axis of features")
        }
        self.init(
            axis: axes[0], epsilon: try config.float("epsilon", 1e-3),
            momentum: try config.double("momentum", default: 0.99))
        center = try config.bool("center", default: true)
        scale = try config.bool("scale", default: true)
        gamma = try config.policy("gamma", old: ("gamma_init", "gamma_regularizer", ""), default: .ones)
        beta = try config.policy("beta", old: ("beta_init", "beta_regularizer", ""), default: .zeros)
        movingMean = try config.policy("moving_mean", default: .zeros)
        movingVariance = try config.policy("moving_variance", default: .ones)
        // Mode 0 of Keras 1 is what later versions do; the others use the batch's own statistics.
        try config.require("mode", oneOf: 0)
        try config.require("virtual_batch_size", oneOf: .null)
        config.ignore("renorm", "renorm_clipping", "renorm_momentum", "fused", "synchronized", "trainable")
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        func initializer(_ prefix: String, _ policy: ParameterPolicy) -> KerasSettings {
            Array(version.settings(prefix, policy).prefix(1))
        }
        return [
            ("axis", version.isKeras3 ? .int(axis) : .array([.int(axis)])), ("momentum", .double(momentum)),
            ("epsilon", epsilon.kerasNumber), ("center", .bool(center)), ("scale", .bool(scale)),
        ] + version.settings("beta", beta) + version.settings("gamma", gamma)
            + initializer("moving_mean", movingMean) + initializer("moving_variance", movingVariance)
    }
}

extension LayerNormalization: KerasLayer {
    package static let kerasClasses = ["LayerNormalization"]

    package init(keras config: inout KerasConfig) throws {
        self.init(axes: try config.ints("axis", default: [-1]), epsilon: try config.float("epsilon", 1e-3))
        center = try config.bool("center", default: true)
        scale = try config.bool("scale", default: true)
        usesRootMeanSquare = try config.bool("rms_scaling", default: false)
        scale = scale || usesRootMeanSquare
        gamma = try config.policy("gamma", default: .ones)
        beta = try config.policy("beta", default: .zeros)
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        let axis: JSONValue = axes.count == 1 ? .int(axes[0]) : .array(axes.map(JSONValue.int))
        let shared: KerasSettings = [
            ("axis", version.isKeras3 ? axis : .array(axes.map(JSONValue.int))), ("epsilon", epsilon.kerasNumber),
            ("center", .bool(center)), ("scale", .bool(scale)),
        ]
        return shared + (usesRootMeanSquare ? [("rms_scaling", true)] : []) + version.settings("beta", beta)
            + version.settings("gamma", gamma)
    }
}

extension Float {
    /// The shortest decimal number that reads as this float, as Keras's settings have it: 0.001 and not 0.00100000005.
    var kerasNumber: JSONValue { .double(Double("\(self)") ?? Double(self)) }
}
