import FerryEngine
import FerryRuntime
import OrderedCollections

/// Reads what `compile` was told, of any era, into the form that Keras 3's archives have and models carry.
struct KerasCompileReader {
    private let version: KerasVersion
    /// Whether Keras was a package of its own, whose `clipnorm` is that of all gradients together.
    private let isStandalone: Bool
    private let outputs: [String]
    /// What was ignored by name.
    private(set) var notes: [String] = []

    /// A reader for what a version of Keras, such as `2.2.4-tf`, wrote about a model with these outputs.
    init(_ version: String?, outputs: [String]) {
        self.version = KerasVersion(parsing: version)
        isStandalone = self.version < KerasVersion(2, 4) && version?.hasSuffix("-tf") != true
        self.outputs = outputs
    }

    /// The configuration in Keras 3's form; nil where the model was not compiled.
    mutating func configuration(_ json: JSONValue?) -> JSONValue? {
        guard let json, let fields = json.objectValue, !fields.isEmpty else { return nil }
        var result: JSONValue = [:]
        // Keras 3 forgets the optimiser of a model that it has saved as HDF5 before.
        if let object = json["optimizer"] ?? json["optimizer_config"] { result["optimizer"] = optimizer(object) }
        result["loss"] = nested(json["loss"]) { $0.loss($1) }
        result["loss_weights"] = json["loss_weights"] ?? .null
        result["metrics"] = metrics(json["metrics"])
        result["weighted_metrics"] = metrics(json["weighted_metrics"])
        result["run_eagerly"] = .bool(json["run_eagerly"]?.boolValue ?? false)
        result["steps_per_execution"] = .int(json["steps_per_execution"]?.intValue ?? 1)
        result["jit_compile"] = .bool(json["jit_compile"]?.boolValue ?? false)
        if let scale = json["auto_scale_loss"] { result["auto_scale_loss"] = scale }
        if !version.isKeras3 { result[TrainingConfiguration.keras2Key] = true }
        for (name, value) in fields where result[name] == nil && !value.isNull && name != "optimizer_config" {
            notes.append("the compile setting '\(name)' = \(value.compactText) has no counterpart and is left out")
        }
        return result
    }

    /// A tree of lists and of dictionaries by output, with each name or object in it converted.
    private mutating func nested(
        _ json: JSONValue?, _ convert: (inout Self, JSONValue) -> JSONValue
    ) -> JSONValue {
        switch json {
        case .array(let items)?: .array(items.map { nested($0, convert) })
        case .object(let members)? where json?["class_name"] == nil:
            .object(members.mapValues { nested($0, convert) })
        case let value?: value.isNull ? .null : convert(&self, value)
        case nil: .null
        }
    }

    private mutating func metrics(_ json: JSONValue?) -> JSONValue {
        let metrics = nested(json) { $0.metric($1) }
        guard let list = metrics.arrayValue, !version.isKeras3 else { return metrics }
        // Keras 2 has a list for each output even where there is one, and means a flat list for all outputs.
        if outputs.count == 1 { return .array(list.flatMap { $0.arrayValue ?? [$0] }) }
        let isFlat = list.allSatisfy { $0.arrayValue == nil && !$0.isNull } && !list.isEmpty
        return isFlat && list.count != outputs.count ? .array(outputs.map { _ in metrics }) : metrics
    }
}

extension KerasCompileReader {
    fileprivate func loss(_ json: JSONValue) -> JSONValue {
        if let name = json.stringValue { return .string(version.isKeras3 ? name : currentName(name)) }
        var (className, settings) = classAndSettings(json)
        if className == "LossFunctionWrapper", let name = settings["fn"]?.stringValue,
            let known = KerasLossFunction.named(name)?.lossClass
        {
            className = known
        }
        if !version.isKeras3 {
            settings["fn"] = nil
            // What Keras 2 decides by itself is the mean wherever nobody distributes the work.
            if settings["reduction"] == "auto" || settings["reduction"]?.isNull == true {
                settings["reduction"] = "sum_over_batch_size"
            }
        }
        return object(json, className, settings, module: "keras.losses")
    }

    fileprivate func metric(_ json: JSONValue) -> JSONValue {
        if let name = json.stringValue { return .string(version.isKeras3 ? name : currentName(name)) }
        var (className, settings) = classAndSettings(json)
        if ["MeanMetricWrapper", "SumOverBatchSizeMetricWrapper"].contains(className),
            let name = settings["fn"]?.stringValue
        {
            className = KerasLossFunction.named(name)?.metricClass ?? name
        }
        if !version.isKeras3 {
            settings["fn"] = nil
            settings["name"] = settings["name"].map(withoutOutput)
        }
        return object(json, className, settings, module: "keras.metrics")
    }

    /// The name of a metric without that of its output, which Keras puts in front again.
    private func withoutOutput(_ name: JSONValue) -> JSONValue {
        let output = outputs.count > 1 ? outputs.first { name.stringValue?.hasPrefix($0 + "_") == true } : nil
        guard let output, let text = name.stringValue else { return name }
        return .string(String(text.dropFirst(output.count + 1)))
    }

    /// Keras 3's name for a function; abbreviations that it still reads stay as they are.
    private func currentName(_ name: String) -> String {
        guard let function = KerasLossFunction.named(name) else { return name }
        let isOld = ["kullback_leibler_divergence", "cosine_proximity", "cosine", "logcosh", "huber_loss"].contains(
            name)
        return isOld ? function.name : name
    }

    private func classAndSettings(_ json: JSONValue) -> (className: String, settings: JSONValue) {
        let name = json["class_name"]?.stringValue ?? ""
        return (name.split(separator: ">").last.map(String.init) ?? name, json["config"] ?? [:])
    }

    /// The object under Keras 3's name; one that is none of Keras's own keeps its module.
    private func object(
        _ json: JSONValue, _ className: String, _ settings: JSONValue, module: String
    ) -> JSONValue {
        if let own = json["registered_name"], !own.isNull { return json }
        return [
            "module": .string(module), "class_name": .string(className), "config": settings, "registered_name": .null,
        ]
    }
}

extension KerasCompileReader {
    private mutating func optimizer(_ json: JSONValue) -> JSONValue {
        let written = json.stringValue ?? json["class_name"]?.stringValue ?? json["name"]?.stringValue ?? ""
        let bare = written.split(separator: ">").last.map(String.init) ?? written
        let settings = json["config"] ?? (json["class_name"] == nil && json.stringValue == nil ? json : [:])
        if bare.hasPrefix("LossScaleOptimizer") { return lossScaling(settings) }
        guard let known = KerasCatalogue.optimizer(bare.removingPrefix("Experimental")) else {
            notes.append("the optimizer '\(bare)' is none that Ferry knows; its state is left out")
            return json
        }
        let isLegacy = !version.isKeras3 && (settings["use_ema"] == nil || isLegacyModule(json)) && !isNewByName(json)
        return object(
            [:], known.className, complete(settings, of: known, isLegacy: isLegacy),
            module: isLegacy ? "keras.optimizers.legacy" : "keras.optimizers")
    }

    private func isLegacyModule(_ json: JSONValue) -> Bool {
        json["module"]?.stringValue?.contains("legacy") == true
    }

    /// Whether an optimiser given by its name alone is a new one.
    private func isNewByName(_ json: JSONValue) -> Bool { json.stringValue != nil && version >= KerasVersion(2, 11) }

    private mutating func lossScaling(_ settings: JSONValue) -> JSONValue {
        let inner = settings["inner_optimizer"].map { optimizer($0) } ?? .null
        return object(
            [:], "LossScaleOptimizer",
            [
                "name": settings["name"] ?? "loss_scale_optimizer", "inner_optimizer": inner,
                "initial_scale": settings["initial_scale"] ?? 32768.0,
                "dynamic_growth_steps": settings["dynamic_growth_steps"] ?? 2000,
            ], module: "keras.optimizers")
    }

    /// All settings of Keras 3's class, under its names.
    private mutating func complete(_ written: JSONValue, of known: KerasOptimizer, isLegacy: Bool) -> JSONValue {
        var rest = written.objectValue ?? [:]
        func take(_ names: String...) -> JSONValue? {
            var result: JSONValue?
            for name in names { result = rest.removeValue(forKey: name).flatMap { $0.isNull ? nil : $0 } ?? result }
            return result
        }
        var result: JSONValue = ["name": take("name") ?? .string(known.className.lowercased())]
        let rate = take("lr", "learning_rate") ?? .double(known.learningRate)
        let decay = take("decay")
        result["learning_rate"] = rate
        if known.className == "Nadam" && isLegacy {
            result["schedule_decay"] = take("schedule_decay") ?? decay ?? 0.004
        } else if let decay, let factor = decay.doubleValue, factor != 0, rate.doubleValue != nil {
            result["learning_rate"] = .inverseTimeDecay(rate, factor: decay)
        }
        if isStandalone, let norm = rest.removeValue(forKey: "clipnorm") { rest["global_clipnorm"] = norm }
        for (name, fallback) in KerasCatalogue.sharedOptimizerSettings + known.settings {
            let value = rest.removeValue(forKey: name) ?? (name == "weight_decay" ? known.weightDecay : fallback)
            // Keras 1 and 2 write null for the epsilon of the whole library.
            result[name] = name == "epsilon" && value.isNull ? 1e-7 : value
        }
        for name in ["jit_compile", "is_legacy_optimizer"] { rest[name] = nil }
        for (name, value) in rest where !value.isNull {
            notes.append("the optimizer's setting '\(name)' = \(value.compactText) has no counterpart and is left out")
        }
        return result
    }
}

extension JSONValue {
    /// The schedule that divides a learning rate by 1 + factor · iterations, as the setting `decay` did before Keras 3.
    static func inverseTimeDecay(_ rate: JSONValue, factor: JSONValue) -> JSONValue {
        [
            "module": "keras.optimizers.schedules", "class_name": "InverseTimeDecay",
            "config": [
                "initial_learning_rate": rate, "decay_steps": 1, "decay_rate": factor, "staircase": false,
                "name": "InverseTimeDecay",
            ],
            "registered_name": .null,
        ]
    }
}

extension String {
    fileprivate func removingPrefix(_ prefix: String) -> String {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : self
    }
}
