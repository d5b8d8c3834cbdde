package import FerryEngine
package import FerryRuntime
import OrderedCollections

/// A loss that Keras configures.
package protocol ConfiguredLoss: Loss {
    /// What Keras calls it beside its class: the function, and short names.
    static var kerasNames: [String] { get }
    /// The loss with the settings that `config` holds.
    init(keras config: inout KerasConfig) throws
    /// The settings beside name and reduction, as Keras 3 has them.
    var kerasSettings: JSONValue { get }
}

/// Every loss that Keras files name.
package enum ConfiguredLossCatalogue {
    /// The losses.
    package static let all: [any ConfiguredLoss.Type] = [
        MeanSquaredError.self, MeanAbsoluteError.self, MeanAbsolutePercentageError.self,
        MeanSquaredLogarithmicError.self, Huber.self, LogCosh.self, Poisson.self, CosineSimilarity.self,
        BinaryCrossentropy.self, CategoricalCrossentropy.self, SparseCategoricalCrossentropy.self, KLDivergence.self,
        Hinge.self, SquaredHinge.self, CategoricalHinge.self, CTC.self,
    ]

    /// The loss of a class or function name, in whatever case; nil where there is none.
    package static func type(_ name: String) -> (any ConfiguredLoss.Type)? {
        all.first { $0.kind == name || $0.kerasNames.contains(name.lowercased()) }
    }

    /// The loss that a compile configuration describes: an object of Keras 3, or a bare name.
    ///
    /// - Throws: ``FerryError`` located at the setting that is not understood.
    package static func loss(_ json: JSONValue) throws -> OutputLoss {
        let name = json.stringValue ?? json["class_name"]?.stringValue ?? ""
        // A function is written as an object of class `function` whose settings are its name.
        let function = json["config"]?.stringValue
        guard let type = type(function ?? name) else {
            throw FerryError(
                .unsupported, found: "the loss '\(function ?? name)'",
                expected: "one of \(all.map { $0.kind }.joined(separator: ", "))")
        }
        return try locating("loss '\(name)'") { try read(type, function == nil ? json["config"] ?? [:] : [:]) }
    }

    private static func read<Kind: ConfiguredLoss>(_: Kind.Type, _ json: JSONValue) throws -> OutputLoss {
        var config = try KerasConfig(json, className: Kind.kind, version: KerasVersion(3), context: .init())
        config.ignore("name", "dtype", "fn")
        let reduction = try config.string("reduction", default: "sum_over_batch_size")
        try config.require("axis", oneOf: -1)
        let loss = try Kind(keras: &config)
        try config.finish()
        guard let known = LossReduction(rawValue: reduction == "auto" ? "sum_over_batch_size" : reduction) else {
            throw FerryError(
                .unsupported, at: ["setting 'reduction'"], found: "'\(reduction)'",
                expected: "sum_over_batch_size, mean, sum or mean_with_sample_weight")
        }
        return OutputLoss(loss, reduction: known)
    }
}

extension OutputLoss {
    /// The loss as `keras.losses.serialize` writes it; nil where Keras has none of this name.
    package var kerasConfiguration: JSONValue? {
        guard let keras = loss as? any ConfiguredLoss else { return nil }
        let name = type(of: keras).kerasNames.first ?? loss.kind.snakeCased
        var settings: JSONValue = ["name": .string(name), "reduction": .string(reduction.rawValue)]
        for (key, value) in keras.kerasSettings.objectValue ?? [:] { settings[key] = value }
        return [
            "module": "keras.losses", "class_name": .string(loss.kind), "config": settings, "registered_name": .null,
        ]
    }
}

extension ConfiguredLoss {
    package var kerasSettings: JSONValue { [:] }
}

/// A loss without settings.
package protocol PlainConfiguredLoss: ConfiguredLoss { init() }
extension PlainConfiguredLoss {
    package init(keras config: inout KerasConfig) throws { self.init() }
}

/// A cross-entropy whose targets may be smoothed.
package protocol SmoothedConfiguredLoss: ConfiguredLoss {
    var fromLogits: Bool { get }
    var labelSmoothing: Float { get }
    init(fromLogits: Bool, labelSmoothing: Float)
}
extension SmoothedConfiguredLoss {
    package init(keras config: inout KerasConfig) throws {
        self.init(
            fromLogits: try config.bool("from_logits", default: false),
            labelSmoothing: Float(try config.double("label_smoothing", default: 0)))
    }
    package var kerasSettings: JSONValue {
        ["from_logits": .bool(fromLogits), "label_smoothing": .double(Double(labelSmoothing)), "axis": -1]
    }
}

extension MeanSquaredError: PlainConfiguredLoss {
    package static var kerasNames: [String] { ["mean_squared_error", "mse"] }
}
extension MeanAbsoluteError: PlainConfiguredLoss {
    package static var kerasNames: [String] { ["mean_absolute_error", "mae"] }
}
extension MeanAbsolutePercentageError: PlainConfiguredLoss {
    package static var kerasNames: [String] { ["mean_absolute_percentage_error", "mape"] }
}
extension MeanSquaredLogarithmicError: PlainConfiguredLoss {
    package static var kerasNames: [String] { ["mean_squared_logarithmic_error", "msle"] }
}
extension Huber: ConfiguredLoss {
    package static var kerasNames: [String] { ["huber_loss", "huber"] }
    package init(keras config: inout KerasConfig) throws {
        self.init(delta: Float(try config.double("delta", default: 1)))
    }
    package var kerasSettings: JSONValue { ["delta": .double(Double(delta))] }
}
extension LogCosh: PlainConfiguredLoss {
    package static var kerasNames: [String] { ["log_cosh", "logcosh"] }
}
extension Poisson: PlainConfiguredLoss {
    package static var kerasNames: [String] { ["poisson"] }
}
extension CosineSimilarity: PlainConfiguredLoss {
    package static var kerasNames: [String] { ["cosine_similarity"] }
    package var kerasSettings: JSONValue { ["axis": -1] }
}
extension BinaryCrossentropy: SmoothedConfiguredLoss {
    package static var kerasNames: [String] { ["binary_crossentropy", "bce"] }
}
extension CategoricalCrossentropy: SmoothedConfiguredLoss {
    package static var kerasNames: [String] { ["categorical_crossentropy"] }
}
extension SparseCategoricalCrossentropy: ConfiguredLoss {
    package static var kerasNames: [String] { ["sparse_categorical_crossentropy"] }
    package init(keras config: inout KerasConfig) throws {
        self.init(
            fromLogits: try config.bool("from_logits", default: false),
            ignoreClass: config.take("ignore_class")?.intValue)
    }
    package var kerasSettings: JSONValue {
        ["from_logits": .bool(fromLogits), "ignore_class": ignoreClass.map(JSONValue.int) ?? .null]
    }
}
extension KLDivergence: PlainConfiguredLoss {
    package static var kerasNames: [String] { ["kl_divergence", "kld", "kullback_leibler_divergence"] }
}
extension Hinge: PlainConfiguredLoss {
    package static var kerasNames: [String] { ["hinge"] }
}
extension SquaredHinge: PlainConfiguredLoss {
    package static var kerasNames: [String] { ["squared_hinge"] }
}
extension CategoricalHinge: PlainConfiguredLoss {
    package static var kerasNames: [String] { ["categorical_hinge"] }
}
extension CTC: PlainConfiguredLoss {
    package static var kerasNames: [String] { ["ctc"] }
}
