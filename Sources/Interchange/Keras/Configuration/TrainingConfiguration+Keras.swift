package import FerryEngine
public import FerryRuntime
import OrderedCollections

extension Model {
    /// What the file says that the model is trained for and how (`compile` in Keras); nil where it says nothing.
    ///
    /// - Throws: ``FerryError`` located at the optimizer, loss or metric that Ferry does not understand.
    public func trainingConfiguration() throws -> TrainingConfiguration? {
        guard let json = metadata.compileConfiguration, !json.isNull else { return nil }
        return try locating("\(name) › compile configuration") {
            try TrainingConfiguration(keras: json, outputNames: graph.outputNames)
        }
    }

    /// This model with a compile configuration that Keras trains it by.
    public func compiled(_ configuration: TrainingConfiguration) -> Model {
        var copy = self
        copy.metadata.compileConfiguration = configuration.keras(outputNames: graph.outputNames)
        return copy
    }
}

extension TrainingConfiguration {
    /// Where a configuration in Keras 3's form says that it is that of an older Keras, whose optimisers see the gradient
    /// of an embedding as one tensor. No file has it: the reader adds it.
    static let keras2Key = "follows_keras_2"

    /// The configuration that Keras 3 writes as `json`.
    ///
    /// - Throws: ``FerryError`` located at what is not understood.
    package init(keras json: JSONValue, outputNames: [String]) throws {
        let weights = Self.spread(json["loss_weights"], outputNames).map { $0.doubleValue ?? 1 }
        let losses = try Self.spread(json["loss"], outputNames).enumerated().map { position, loss -> OutputLoss? in
            guard !loss.isNull else { return nil }
            var output = try ConfiguredLossCatalogue.loss(loss)
            output.weight = position < weights.count ? weights[position] : 1
            return output
        }
        guard losses.contains(where: { $0 != nil }) else {
            throw FerryError(.missingKey, found: "no loss", expected: "a loss to train for")
        }
        let metrics = try Self.lists(json["metrics"], outputNames).map { try $0.map(ConfiguredMetrics.metric) }
        guard let optimizer = json["optimizer"], !optimizer.isNull else {
            throw FerryError(.missingKey, found: "no optimizer", expected: "one to train with")
        }
        self.init(
            optimizer: try ConfiguredOptimizerCatalogue.optimizer(optimizer), losses: losses, metrics: metrics)
        self.optimizer.settings.followsKeras2 = json[Self.keras2Key]?.boolValue ?? false
        weightedMetrics = try Self.lists(json["weighted_metrics"], outputNames).map {
            try $0.map(ConfiguredMetrics.metric)
        }
    }

    /// The configuration as Keras 3 writes it.
    package func keras(outputNames: [String]) -> JSONValue {
        let written = losses.map { $0?.kerasConfiguration ?? .null }
        let weights = losses.map { JSONValue.double($0?.weight ?? 1) }
        let isSingle = losses.count == 1
        return [
            "optimizer": optimizer.kerasConfiguration ?? .null, "loss": isSingle ? written[0] : .array(written),
            "loss_weights": losses.allSatisfy { $0?.weight ?? 1 == 1 }
                ? .null : isSingle ? weights[0] : .array(weights),
            "metrics": Self.names(metrics), "weighted_metrics": Self.names(weightedMetrics),
            "run_eagerly": false, "steps_per_execution": 1, "jit_compile": false,
        ]
    }

    /// Lists of metrics as Keras 3 names them, for each output or for the only one.
    private static func names(_ metrics: [[any Metric]]) -> JSONValue {
        let lists = metrics.map { JSONValue.array($0.compactMap(ConfiguredMetrics.name).map(JSONValue.string)) }
        return metrics.allSatisfy(\.isEmpty) ? .null : lists.count == 1 ? lists[0] : .array(lists)
    }

    /// One value for each output, from a list, an object by names, or a single value for all.
    private static func spread(_ json: JSONValue?, _ names: [String]) -> [JSONValue] {
        guard let json, !json.isNull else { return [] }
        if let list = json.arrayValue { return list }
        if let object = json.objectValue, object["class_name"] == nil { return names.map { object[$0] ?? .null } }
        return names.map { _ in json }
    }

    /// A list of metrics for each output.
    private static func lists(_ json: JSONValue?, _ names: [String]) -> [[JSONValue]] {
        guard let json, !json.isNull else { return [] }
        if let object = json.objectValue, object["class_name"] == nil {
            return names.map { name in object[name].map { $0.arrayValue ?? [$0] } ?? [] }
        }
        guard let list = json.arrayValue else { return names.map { _ in [json] } }
        if names.count > 1, list.count == names.count { return list.map { $0.isNull ? [] : $0.arrayValue ?? [$0] } }
        // Keras 3 gives metrics of one list to the only output.
        return list.allSatisfy({ $0.arrayValue != nil }) ? list.map { $0.arrayValue ?? [] } : [list]
    }
}
