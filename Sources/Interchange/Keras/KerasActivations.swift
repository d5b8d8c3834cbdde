package import FerryEngine
import FerryRuntime

/// The names of activation functions in Keras.
package enum KerasActivations {
    /// The name of the layers that stand for the hard sigmoid of Keras 1 and 2 in Keras 3.
    static let hardSigmoidOfKeras2 = "hard_sigmoid_of_keras_2"

    /// Names whose meaning is the same in every era; the first name of a function is the one that is written.
    private static let table: [(name: String, function: ActivationFunction)] = [
        ("linear", .linear), ("relu", .relu), ("tanh", .tanh), ("sigmoid", .sigmoid), ("softmax", .softmax),
        ("elu", .elu(alpha: 1)), ("selu", .selu), ("gelu", .gelu(approximate: false)), ("softplus", .softplus),
        ("softsign", .softsign), ("exponential", .exponential), ("silu", .silu), ("swish", .silu), ("mish", .mish),
        ("relu6", .relu6), ("leaky_relu", .relu(slope: 0.2)), ("log_softmax", .logSoftmax(axis: -1)),
        ("log_sigmoid", .logSigmoid), ("hard_silu", .hardSilu), ("hard_swish", .hardSilu), ("celu", .celu(alpha: 1)),
        ("hard_tanh", .hardTanh), ("hard_shrink", .hardShrink(lambda: 0.5)), ("soft_shrink", .softShrink(lambda: 0.5)),
        ("tanh_shrink", .tanhShrink), ("squareplus", .squareplus(b: 4)), ("sparse_plus", .sparsePlus),
        ("sparse_sigmoid", .sparseSigmoid), ("sparsemax", .sparsemax(axis: -1)),
    ]

    /// The names that Keras 2 does not take; it looks names up in `tf.keras.activations` and, failing that, in `tf.nn`.
    private static let unknownToKeras2: Set<String> = [
        "log_sigmoid", "hard_silu", "celu", "hard_tanh", "hard_shrink", "soft_shrink", "tanh_shrink", "squareplus",
        "sparse_plus", "sparse_sigmoid", "sparsemax",
    ]

    /// The function called `name` in Keras `version`; nil where Ferry knows none.
    package static func function(named name: String, _ version: KerasVersion) -> ActivationFunction? {
        name == "hard_sigmoid" ? version.hardSigmoid : table.first { $0.name == name }?.function
    }

    /// What Keras `version` calls a function; nil where it has no name for it.
    package static func name(of function: ActivationFunction, _ version: KerasVersion) -> String? {
        if function == version.hardSigmoid { return "hard_sigmoid" }
        if function == .silu && !version.isKeras3 { return "swish" }
        let name = table.first { $0.function == function }?.name
        return version.isKeras3 ? name : name.flatMap { unknownToKeras2.contains($0) ? nil : $0 }
    }
}

extension KerasConfig {
    /// An activation under one of several names of different eras: a name, or an object that names a function or a layer.
    package mutating func activation(
        _ names: String..., default fallback: ActivationFunction = .linear
    ) throws -> ActivationFunction {
        var found: (name: String, value: JSONValue)?
        for name in names {
            guard let value = take(name) else { continue }
            found = found ?? (name, value)
        }
        guard let found else { return fallback }
        return try locating("setting '\(found.name)'") { try activation(found.value) }
    }

    private func activation(_ value: JSONValue) throws -> ActivationFunction {
        if let name = value.stringValue { return try namedActivation(name) }
        guard let className = value["class_name"]?.stringValue else {
            throw FerryError(.unsupported, found: value.compactText, expected: "the name of an activation")
        }
        if let name = value["config"]?.stringValue { return try namedActivation(name) }
        if value["config"]?["name"]?.stringValue == KerasActivations.hardSigmoidOfKeras2 { return .hardSigmoidKeras2 }
        var config = try KerasConfig(value["config"] ?? [:], className: className, version: version, context: context)
        let classes: [any KerasLayer.Type] = [Activation.self, Softmax.self]
        guard let layer = classes.first(where: { $0.kerasClasses.contains(className) }) else {
            return try namedActivation(className)
        }
        config.ignore("name", "trainable", "dtype")
        guard let activation = try layer.kerasOperator(&config) as? Activation else {
            throw FerryError(.unsupported, found: "a \(className) over several axes", expected: "one axis")
        }
        try config.finish()
        return activation.function
    }

    private func namedActivation(_ name: String) throws -> ActivationFunction {
        let bare = name.split(separator: ">").last.map(String.init) ?? name
        guard let function = KerasActivations.function(named: bare, version) else {
            throw FerryError(
                .unsupported, found: "an activation '\(name)', which is not one of Keras's",
                expected: "an activation of keras.activations", remedy: "save the model with one of those")
        }
        return function
    }
}
