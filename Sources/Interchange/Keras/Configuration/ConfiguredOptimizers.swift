package import FerryEngine
package import FerryRuntime
import OrderedCollections

/// An optimiser that Keras configures.
package protocol ConfiguredOptimizer: Optimizer {
    /// The optimiser with the settings that `config` holds beside the common ones.
    init(keras config: inout KerasConfig) throws
    /// The settings beside the common ones, as Keras 3 has them.
    var kerasSettings: JSONValue { get }
}

/// Every optimiser that Keras files name.
package enum ConfiguredOptimizerCatalogue {
    /// The optimisers.
    package static let all: [any ConfiguredOptimizer.Type] = [
        SGD.self, RMSprop.self, Adam.self, AdamW.self, Adamax.self, Nadam.self, Adagrad.self, Adadelta.self,
    ]

    /// The optimiser that a compile configuration describes: an object of Keras 3, or a bare name.
    ///
    /// - Throws: ``FerryError`` located at the setting that is not understood.
    package static func optimizer(_ json: JSONValue) throws -> any Optimizer {
        let name = json.stringValue ?? json["class_name"]?.stringValue ?? ""
        if name == lossScaling { return try scaled(json["config"] ?? [:]) }
        guard let type = all.first(where: { $0.kind.lowercased() == name.lowercased() }) else {
            throw FerryError(
                .unsupported, found: "the optimizer '\(name)'",
                expected: "one of \(all.map { $0.kind }.joined(separator: ", "))")
        }
        if json["module"]?.stringValue == "keras.optimizers.legacy",
            [RMSprop.kind, Adagrad.kind, Nadam.kind].contains(type.kind)
        {
            throw FerryError(
                .unsupported, found: "the optimizer '\(name)' with the equations that Keras had before 2.11",
                expected: "those of Keras 3", remedy: "compile the model again, or name another optimizer")
        }
        return try locating("optimizer '\(name)'") { try read(type, json["config"] ?? [:]) }
    }

    /// Keras's class around an optimiser that scales the loss.
    fileprivate static let lossScaling = "LossScaleOptimizer"

    private static func scaled(_ json: JSONValue) throws -> any Optimizer {
        var config = try KerasConfig(json, className: lossScaling, version: KerasVersion(3), context: .init())
        config.ignore("name")
        let inner = config.take("inner_optimizer") ?? .null
        var scaled = try locating("optimizer '\(lossScaling)'") { try optimizer(inner) }
        scaled.settings.lossScaling = LossScaling(
            initialScale: try config.double("initial_scale", default: 32768),
            growthSteps: try config.int("dynamic_growth_steps", default: 2000))
        try config.finish()
        return scaled
    }

    private static func read<Kind: ConfiguredOptimizer>(_: Kind.Type, _ json: JSONValue) throws -> any Optimizer {
        var config = try KerasConfig(json, className: Kind.kind, version: KerasVersion(3), context: .init())
        var optimizer = try Kind(keras: &config)
        try optimizer.settings.read(&config)
        try config.finish()
        return optimizer
    }
}

extension Optimizer {
    /// The optimiser as `keras.optimizers.serialize` writes it; nil where Keras has none of this name.
    package var kerasConfiguration: JSONValue? {
        guard let keras = self as? any ConfiguredOptimizer else { return nil }
        var settings = self.settings.keras(name: kind.snakeCased)
        for (key, value) in keras.kerasSettings.objectValue ?? [:] { settings[key] = value }
        let object = JSONValue.kerasOptimizer(kind, settings)
        guard let scaling = self.settings.lossScaling else { return object }
        return .kerasOptimizer(
            ConfiguredOptimizerCatalogue.lossScaling,
            [
                "name": "loss_scale_optimizer", "inner_optimizer": object,
                "initial_scale": .double(scaling.initialScale), "dynamic_growth_steps": .int(scaling.growthSteps),
            ])
    }
}

extension JSONValue {
    /// An object of `keras.optimizers`.
    fileprivate static func kerasOptimizer(_ className: String, _ settings: JSONValue) -> JSONValue {
        [
            "module": "keras.optimizers", "class_name": .string(className), "config": settings,
            "registered_name": .null,
        ]
    }
}

extension OptimizerSettings {
    /// Reads what all optimisers have in common.
    fileprivate mutating func read(_ config: inout KerasConfig) throws {
        config.ignore("name", "jit_compile", "is_legacy_optimizer", "loss_scale_factor")
        if let rate = config.take("learning_rate", "lr") {
            learningRate = try rate.doubleValue.map { .constant(Float($0)) } ?? .schedule(Schedule(keras: rate))
        }
        if let decay = config.take("decay")?.doubleValue, decay != 0 {
            guard case .constant(let rate) = learningRate else {
                throw FerryError(.unsupported, found: "'decay' beside a schedule", expected: "one of the two")
            }
            learningRate = .schedule(.inverseTime(initial: Double(rate), steps: 1, rate: decay))
        }
        weightDecay = config.take("weight_decay")?.doubleValue
        clipNorm = config.take("clipnorm")?.doubleValue
        globalClipNorm = config.take("global_clipnorm")?.doubleValue
        clipValue = config.take("clipvalue")?.doubleValue
        usesMovingAverage = try config.bool("use_ema", default: false)
        averageMomentum = try config.double("ema_momentum", default: 0.99)
        averageOverwriteFrequency = config.take("ema_overwrite_frequency")?.intValue
        accumulationSteps = config.take("gradient_accumulation_steps")?.intValue
    }

    /// The same as Keras 3 has it.
    fileprivate func keras(name: String) -> JSONValue {
        let rate: JSONValue =
            switch learningRate {
            case .constant(let rate): .double(Double(rate))
            case .schedule(let schedule): schedule.keras
            }
        return [
            "name": .string(name), "learning_rate": rate, "weight_decay": weightDecay.json, "clipnorm": clipNorm.json,
            "global_clipnorm": globalClipNorm.json, "clipvalue": clipValue.json, "use_ema": .bool(usesMovingAverage),
            "ema_momentum": .double(averageMomentum),
            "ema_overwrite_frequency": averageOverwriteFrequency.map(JSONValue.int) ?? .null,
            "loss_scale_factor": .null, "gradient_accumulation_steps": accumulationSteps.map(JSONValue.int) ?? .null,
        ]
    }
}

extension Double? {
    fileprivate var json: JSONValue { map(JSONValue.double) ?? .null }
}

extension SGD: ConfiguredOptimizer {
    package init(keras config: inout KerasConfig) throws {
        self.init(
            momentum: try config.double("momentum", default: 0), isNesterov: try config.bool("nesterov", default: false)
        )
    }
    package var kerasSettings: JSONValue { ["momentum": .double(momentum), "nesterov": .bool(isNesterov)] }
}

extension RMSprop: ConfiguredOptimizer {
    package init(keras config: inout KerasConfig) throws {
        self.init(
            rho: try config.double("rho", default: 0.9), momentum: try config.double("momentum", default: 0),
            epsilon: try config.double("epsilon", default: 1e-7),
            isCentered: try config.bool("centered", default: false))
    }
    package var kerasSettings: JSONValue {
        [
            "rho": .double(rho), "momentum": .double(momentum), "epsilon": .double(epsilon),
            "centered": .bool(isCentered),
        ]
    }
}

extension Adam: ConfiguredOptimizer {
    package init(keras config: inout KerasConfig) throws {
        self.init(
            beta1: try config.double("beta_1", default: 0.9), beta2: try config.double("beta_2", default: 0.999),
            epsilon: try config.double("epsilon", default: 1e-7),
            usesAMSGrad: try config.bool("amsgrad", default: false))
    }
    package var kerasSettings: JSONValue {
        [
            "beta_1": .double(beta1), "beta_2": .double(beta2), "epsilon": .double(epsilon),
            "amsgrad": .bool(usesAMSGrad),
        ]
    }
}

extension AdamW: ConfiguredOptimizer {
    package init(keras config: inout KerasConfig) throws { self.init(try Adam(keras: &config)) }
    package var kerasSettings: JSONValue { equations.kerasSettings }
}

extension Adamax: ConfiguredOptimizer {
    package init(keras config: inout KerasConfig) throws {
        self.init(
            beta1: try config.double("beta_1", default: 0.9), beta2: try config.double("beta_2", default: 0.999),
            epsilon: try config.double("epsilon", default: 1e-7))
    }
    package var kerasSettings: JSONValue {
        ["beta_1": .double(beta1), "beta_2": .double(beta2), "epsilon": .double(epsilon)]
    }
}

extension Nadam: ConfiguredOptimizer {
    package init(keras config: inout KerasConfig) throws {
        config.ignore("schedule_decay")
        self.init(
            beta1: try config.double("beta_1", default: 0.9), beta2: try config.double("beta_2", default: 0.999),
            epsilon: try config.double("epsilon", default: 1e-7))
    }
    package var kerasSettings: JSONValue {
        ["beta_1": .double(beta1), "beta_2": .double(beta2), "epsilon": .double(epsilon)]
    }
}

extension Adagrad: ConfiguredOptimizer {
    package init(keras config: inout KerasConfig) throws {
        self.init(
            initialAccumulator: try config.double("initial_accumulator_value", default: 0.1),
            epsilon: try config.double("epsilon", default: 1e-7))
    }
    package var kerasSettings: JSONValue {
        ["initial_accumulator_value": .double(initialAccumulator), "epsilon": .double(epsilon)]
    }
}

extension Adadelta: ConfiguredOptimizer {
    package init(keras config: inout KerasConfig) throws {
        self.init(
            rho: try config.double("rho", default: 0.95), epsilon: try config.double("epsilon", default: 1e-7))
    }
    package var kerasSettings: JSONValue { ["rho": .double(rho), "epsilon": .double(epsilon)] }
}
