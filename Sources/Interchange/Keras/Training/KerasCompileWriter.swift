import FerryEngine
import FerryRuntime
import OrderedCollections

/// Writes what `compile` was told, in the form that a version of Keras opens again.
struct KerasCompileWriter {
    /// What holds the configuration: `compile_config` of an archive, or `training_config` of an HDF5 file.
    enum Container { case archive, hdf5 }

    let version: KerasVersion
    let container: Container
    /// The learning rate in force, where it is not the configured one.
    let learningRate: Float?
    /// What training will do otherwise than before.
    private(set) var notes: [String] = []

    init(_ version: KerasVersion, _ container: Container, learningRate: Float? = nil) {
        self.version = version
        self.container = container
        self.learningRate = learningRate
    }

    /// The configuration of a model that carries `configuration`.
    ///
    /// - Throws: ``FerryError/Code/unsupported`` where it needs Python code or what this version of Keras lacks; with
    ///   it, Keras would not open the file.
    mutating func write(_ configuration: JSONValue) throws -> JSONValue {
        let written = try configuration["optimizer"].map { try optimizer($0) }
        var result: JSONValue = [:]
        if container == .archive, let written { result["optimizer"] = written }
        result["loss"] = try nested(configuration["loss"], loss)
        result["loss_weights"] = configuration["loss_weights"] ?? .null
        for name in ["metrics", "weighted_metrics"] { result[name] = try nested(configuration[name], metric) }
        result["run_eagerly"] = configuration["run_eagerly"] ?? false
        result["steps_per_execution"] = version.isKeras3 ? configuration["steps_per_execution"] ?? 1 : .null
        result["jit_compile"] = version.isKeras3 ? configuration["jit_compile"] ?? false : .null
        if version.isKeras3, let scale = configuration["auto_scale_loss"] { result["auto_scale_loss"] = scale }
        if container == .hdf5 {
            guard let written else { throw FerryError(.unsupported, found: "no optimizer, which .h5 must name") }
            result["optimizer_config"] = written
        }
        return result
    }

    private func nested(_ json: JSONValue?, _ convert: (JSONValue) throws -> JSONValue) throws -> JSONValue {
        switch json {
        case .array(let items)?: .array(try items.map { try nested($0, convert) })
        case .object(let members)? where json?["class_name"] == nil:
            .object(try members.mapValues { try nested($0, convert) })
        case let value?: value.isNull ? .null : try convert(value)
        case nil: .null
        }
    }

    private func object(_ className: String, module: String, _ settings: JSONValue) -> JSONValue {
        var result: JSONValue = container == .archive ? ["module": .string(module)] : [:]
        result["class_name"] = .string(className)
        result["config"] = settings
        if container == .archive { result["registered_name"] = .null }
        return result
    }

    private func refuse(_ what: String, _ json: JSONValue) -> FerryError {
        let name = json.stringValue ?? json["class_name"]?.stringValue ?? json.compactText
        let isFunction = name == "function" || name == "__lambda__"
        let shown = isFunction ? json["config"]?.stringValue ?? name : name
        return FerryError(
            .unsupported, found: "the \(what) '\(shown)'", expected: "one that Keras \(version.major) has")
    }
}

extension KerasCompileWriter {
    private func loss(_ json: JSONValue) throws -> JSONValue {
        if let name = json.stringValue {
            // Keras 3 opens no abbreviations, such as "mse", from HDF5 files.
            guard let function = KerasLossFunction.named(name), let className = function.lossClass,
                KerasLossFunction.hasLoss(className, version)
            else { throw refuse("loss", json) }
            return .string(container == .hdf5 ? function.name : name)
        }
        guard let className = json["class_name"]?.stringValue, KerasLossFunction.hasLoss(className, version),
            json["registered_name"]?.isNull ?? true
        else { throw refuse("loss", json) }
        var settings = json["config"] ?? [:]
        if !version.isKeras3 {
            settings["dtype"] = nil
            let reduction = settings["reduction"]?.stringValue ?? "none"
            guard ["none", "sum", "sum_over_batch_size"].contains(reduction) else {
                throw refuse("reduction", .string(reduction))
            }
            settings["reduction"] = .string(reduction)
        }
        return object(className, module: "keras.losses", settings)
    }

    private func metric(_ json: JSONValue) throws -> JSONValue {
        if let name = json.stringValue {
            if KerasLossFunction.chosenMetrics.contains(name) { return json }
            guard let className = KerasLossFunction.metricClass(name), KerasLossFunction.hasMetric(className, version)
            else { throw refuse("metric", json) }
            if version.isKeras3 && container == .archive { return json }
            return object(className, module: "keras.metrics", ["name": json, "dtype": "float32"])
        }
        guard let className = json["class_name"]?.stringValue, KerasLossFunction.hasMetric(className, version),
            json["registered_name"]?.isNull ?? true
        else { throw refuse("metric", json) }
        var settings = json["config"] ?? [:]
        if let policy = settings["dtype"]?["config"]?["name"] { settings["dtype"] = policy }
        return object(className, module: "keras.metrics", settings)
    }
}

extension KerasCompileWriter {
    private mutating func optimizer(_ json: JSONValue) throws -> JSONValue {
        if json["class_name"] == "LossScaleOptimizer" { return try lossScaling(json) }
        guard let known = json["class_name"]?.stringValue.flatMap(KerasCatalogue.optimizer),
            version.isKeras3 || known.isInKeras2
        else { throw refuse("optimizer", json) }
        var settings = json["config"] ?? [:]
        if settings["learning_rate"]?.doubleValue != nil, let learningRate {
            settings["learning_rate"] = .double(Double(learningRate))
        }
        if json.isLegacyOptimizer {
            if !version.isKeras3 && container == .hdf5 { return legacy(known, settings) }
            notes += known.differences(of: settings)
            settings["schedule_decay"] = nil
        }
        // Keras 3 takes no null for the name of a schedule, which Keras 2 writes.
        if version.isKeras3, var schedule = settings["learning_rate"], schedule["config"]?["name"]?.isNull == true {
            let name = schedule["class_name"]
            schedule["config"]?["name"] = name
            settings["learning_rate"] = schedule
        }
        guard !version.isKeras3 else { return object(known.className, module: "keras.optimizers", settings) }
        for name in ["gradient_accumulation_steps", "loss_scale_factor"] {
            guard settings[name]?.isNull ?? true else { throw refuse("optimizer's setting", .string(name)) }
            settings[name] = nil
        }
        settings["jit_compile"] = false
        settings["is_legacy_optimizer"] = false
        return object(
            container == .hdf5 ? "Custom>\(known.className)" : known.className, module: "keras.optimizers", settings)
    }

    private mutating func lossScaling(_ json: JSONValue) throws -> JSONValue {
        let inner = json["config"]?["inner_optimizer"] ?? .null
        guard version.isKeras3 else {
            notes.append("the scale of the loss is left out; Keras 2 makes its own for models in mixed_float16")
            return try optimizer(inner)
        }
        var settings = json["config"] ?? [:]
        var writer = KerasCompileWriter(version, .archive, learningRate: learningRate)
        settings["inner_optimizer"] = try writer.optimizer(inner)
        notes += writer.notes
        return object("LossScaleOptimizer", module: "keras.optimizers", settings)
    }

    /// An optimiser of TensorFlow before 2.11, with its setting `decay`.
    private func legacy(_ known: KerasOptimizer, _ settings: JSONValue) -> JSONValue {
        var result: JSONValue = ["name": settings["name"] ?? .string(known.className)]
        let schedule = settings["learning_rate"]?["config"]
        let isDecay =
            settings["learning_rate"]?["class_name"] == "InverseTimeDecay" && schedule?["decay_steps"]?.intValue == 1
        result["learning_rate"] =
            isDecay ? schedule?["initial_learning_rate"] ?? .null : settings["learning_rate"] ?? .null
        result["decay"] = settings["schedule_decay"] ?? (isDecay ? schedule?["decay_rate"] : nil) ?? 0.0
        for (name, value) in known.settings { result[name] = settings[name] ?? value }
        for name in ["clipnorm", "clipvalue", "global_clipnorm"] {
            if let value = settings[name], !value.isNull { result[name] = value }
        }
        return object(known.className, module: "keras.optimizers.legacy", result)
    }
}

extension JSONValue {
    /// Whether this is an optimiser as Keras had it before TensorFlow 2.11; see ``ModelMetadata/compileConfiguration``.
    var isLegacyOptimizer: Bool {
        (self["config"]?["inner_optimizer"] ?? self)["module"] == "keras.optimizers.legacy"
    }
}

extension KerasOptimizer {
    /// How training goes on otherwise with today's optimiser of this name than with that before TensorFlow 2.11.
    fileprivate func differences(of settings: JSONValue) -> [String] {
        switch className {
        case "Adagrad",
            "RMSprop" where settings["momentum"]?.doubleValue ?? 0 == 0:
            [
                "\(className) adds epsilon inside the square root since Keras 2.11, and after it before, so training "
                    + "goes on with slightly other steps"
            ]
        case "Nadam" where settings["schedule_decay"]?.doubleValue != 1:
            [
                "Nadam's schedule_decay is always 1 since Keras 2.11, and was "
                    + "\(settings["schedule_decay"]?.compactText ?? "another"), so training goes on with other steps"
            ]
        default: []
        }
    }
}
