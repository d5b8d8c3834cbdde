package import FerryEngine
package import FerryRuntime

/// The settings of a layer in the order in which they are written.
package typealias KerasSettings = [(name: String, value: JSONValue)]

extension KerasVersion {
    /// An object of a Keras module as this version writes it.
    package func object(_ className: String, module: String, _ settings: JSONValue) -> JSONValue {
        ["module": .string(module), "class_name": .string(className), "config": settings, "registered_name": .null]
    }

    /// `kernel_initializer`, `kernel_regularizer` and `kernel_constraint` of a policy, for the prefix `kernel`.
    package func settings(_ prefix: String, _ policy: ParameterPolicy) -> KerasSettings {
        let initializer = policy.initializer.keras
        let regularizer = policy.regularizer?.keras
        let constraint = policy.constraint?.keras
        return [
            (
                "\(prefix)_initializer",
                object(initializer.className, module: "keras.initializers", initializer.settings)
            ),
            (
                "\(prefix)_regularizer",
                regularizer.map { object($0.className, module: "keras.regularizers", $0.settings) } ?? .null
            ),
            (
                "\(prefix)_constraint",
                constraint.map { object($0.className, module: "keras.constraints", $0.settings) } ?? .null
            ),
        ]
    }

    /// What this version calls an activation, or the layers that it has for it.
    ///
    /// - Throws: ``FerryError/Code/unsupported`` where it has neither.
    package func activation(_ function: ActivationFunction) throws -> JSONValue {
        if let name = KerasActivations.name(of: function, self) { return .string(name) }
        if function == .hardSigmoidKeras2 && isKeras3 { return hardSigmoidOfKeras2 }
        let layer = Activation(function)
        if layer.kerasClass(self) != "Activation" { return try self.layer(layer, name: "activation") }
        throw FerryError(
            .unsupported, found: "the activation \(function)", expected: "one that Keras \(major) has",
            remedy: "write ONNX instead")
    }

    /// clip(0.2 x + 0.5, 0, 1) as layers one after another: Keras 3 takes any layer for an activation.
    private var hardSigmoidOfKeras2: JSONValue {
        let line = object(
            "Rescaling", module: "keras.layers", ["name": "fifth_and_half", "scale": 0.2, "offset": 0.5])
        let clip = object(
            "ReLU", module: "keras.layers",
            ["name": "at_most_one", "max_value": 1.0, "negative_slope": 0.0, "threshold": 0.0])
        return object(
            "Sequential", module: "keras",
            ["name": .string(KerasActivations.hardSigmoidOfKeras2), "layers": [line, clip]])
    }
}
