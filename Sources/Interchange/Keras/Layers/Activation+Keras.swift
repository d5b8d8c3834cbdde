import FerryEngine
package import FerryRuntime

extension Activation: KerasLayer {
    package static let kerasClasses = ["Activation", "ReLU", "LeakyReLU", "ELU", "ThresholdedReLU", "Identity"]

    package init(keras config: inout KerasConfig) throws {
        switch config.className {
        case "ReLU":
            let maximum = config.take("max_value")?.doubleValue ?? .infinity
            let slope = config.take("negative_slope")?.doubleValue ?? 0
            self.init(.relu(maximum: Float(maximum), slope: Float(slope), threshold: try config.float("threshold", 0)))
        case "LeakyReLU": self.init(.relu(slope: Float(try config.double("negative_slope", "alpha", default: 0.3))))
        case "ELU": self.init(.elu(alpha: try config.float("alpha", 1)))
        case "ThresholdedReLU": self.init(.thresholdedReLU(threshold: try config.float("theta", 1)))
        case "Identity": self.init(.linear)
        default: self.init(try config.activation("activation"))
        }
    }

    package func kerasClass(_ version: KerasVersion) -> String {
        switch function {
        // A ReLU with a threshold gives 0 below it and nothing else in Keras 3.
        case .thresholdedReLU where version.isKeras3: "ReLU"
        case _ where KerasActivations.name(of: function, version) != nil: "Activation"
        case .relu(.infinity, let slope, 0) where slope != 0: "LeakyReLU"
        case .relu: "ReLU"
        case .elu: "ELU"
        case .thresholdedReLU: "ThresholdedReLU"
        case .softmax: "Softmax"
        default: "Activation"
        }
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        switch (kerasClass(version), function) {
        case ("LeakyReLU", .relu(_, let slope, _)):
            return [(version.isKeras3 ? "negative_slope" : "alpha", slope.kerasNumber)]
        case ("ReLU", .relu(let maximum, let slope, let threshold)):
            return [
                ("max_value", maximum.isFinite ? maximum.kerasNumber : .null), ("negative_slope", slope.kerasNumber),
                ("threshold", threshold.kerasNumber),
            ]
        case ("ReLU", .thresholdedReLU(let theta)):
            return [("max_value", .null), ("negative_slope", 0.0), ("threshold", theta.kerasNumber)]
        case ("ELU", .elu(let alpha)): return [("alpha", alpha.kerasNumber)]
        case ("ThresholdedReLU", .thresholdedReLU(let theta)): return [("theta", theta.kerasNumber)]
        case ("Softmax", .softmax(let axis)): return [("axis", .int(axis))]
        default: return [("activation", try version.activation(function))]
        }
    }
}

extension PReLU: KerasLayer {
    package static let kerasClasses = ["PReLU"]

    package init(keras config: inout KerasConfig) throws {
        self.init(sharedAxes: try config.ints("shared_axes", default: []))
        alpha = try config.policy("alpha", old: ("init", "", ""), default: .zeros)
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        let axes: JSONValue = sharedAxes.isEmpty ? .null : .array(sharedAxes.map(JSONValue.int))
        return version.settings("alpha", alpha) + [("shared_axes", axes)]
    }
}

extension KerasConfig {
    /// A number as float32.
    package mutating func float(_ name: String, _ fallback: Double) throws -> Float {
        Float(try double(name, default: fallback))
    }
}
