package import FerryEngine
package import FerryRuntime

/// The settings of a layer in the order in which they are written.
package typealias KerasSettings = [(name: String, value: JSONValue)]

extension KerasVersion {
    /// An object of a Keras module as this version writes it.
    package func object(_ className: String, module: String, _ settings: JSONValue) -> JSONValue {
        guard isKeras3 else { return ["class_name": .string(className), "config": settings] }
        return [
            "module": .string(module), "class_name": .string(className), "config": settings, "registered_name": .null,
        ]
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

    /// What this version calls an activation.
    ///
    /// - Throws: ``FerryError/Code/unsupported`` where it has no name for it.
    package func activation(_ function: ActivationFunction) throws -> JSONValue {
        guard let name = KerasActivations.name(of: function, self) else {
            throw FerryError(
                .unsupported, found: "the activation \(function)", expected: "one that Keras \(major) has",
                remedy: "write ONNX instead")
        }
        return .string(name)
    }
}
