import FerryEngine
package import FerryRuntime

extension GroupNormalization: KerasLayer {
    package static let kerasClasses = ["GroupNormalization"]

    package init(keras config: inout KerasConfig) throws {
        self.init(
            groups: try config.int("groups", default: 32), axis: try config.int("axis", default: -1),
            epsilon: try config.float("epsilon", 1e-3))
        center = try config.bool("center", default: true)
        scale = try config.bool("scale", default: true)
        gamma = try config.policy("gamma", default: .ones)
        beta = try config.policy("beta", default: .zeros)
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        [
            ("groups", .int(groups)), ("axis", .int(axis)), ("epsilon", epsilon.kerasNumber), ("center", .bool(center)),
            ("scale", .bool(scale)),
        ] + version.settings("beta", beta) + version.settings("gamma", gamma)
    }
}

extension UnitNormalization: KerasLayer {
    package static let kerasClasses = ["UnitNormalization"]

    package init(keras config: inout KerasConfig) throws { self.init(axes: try config.ints("axis", default: [-1])) }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        [("axis", axes.count == 1 ? .int(axes[0]) : axes.kerasList)]
    }
}

extension RMSNormalization: KerasLayer {
    package static let kerasClasses = ["RMSNormalization"]

    package init(keras config: inout KerasConfig) throws {
        self.init(axes: try config.ints("axis", default: [-1]), epsilon: try config.float("epsilon", 1e-6))
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        guard version.isKeras3 else {
            throw FerryError(
                .unsupported, found: "RMSNormalization, which Keras 2 lacks", expected: "LayerNormalization",
                remedy: "write it for Keras 3, or as ONNX")
        }
        return [("axis", axes.kerasList), ("epsilon", epsilon.kerasNumber)]
    }
}
