package import FerryEngine
package import FerryRuntime

/// How Keras names metrics.
package enum ConfiguredMetrics {
    /// The metric that a compile configuration describes: an object of Keras 3, or a bare name.
    ///
    /// - Throws: ``FerryError/Code/unsupported`` where Ferry has none of this name or with these settings.
    package static func metric(_ json: JSONValue) throws -> any Metric {
        let className = json.stringValue ?? json["class_name"]?.stringValue ?? ""
        let name = json["config"]?.stringValue ?? className
        let settings = json["config"]?.objectValue == nil ? [:] : json["config"] ?? [:]
        guard let metric = known(name, settings, called: settings["name"]?.stringValue) else {
            throw FerryError(
                .unsupported, found: "the metric '\(name)'", expected: "a loss, an accuracy, AUC, Precision or Recall",
                remedy: "compile the model without it")
        }
        return metric
    }

    private static func known(_ name: String, _ settings: JSONValue, called: String?) -> (any Metric)? {
        let threshold = settings["threshold"]?.doubleValue ?? 0.5
        switch name.snakeCased {
        case "accuracy", "acc":
            let isClass = name == "Accuracy"
            return Accuracy(isClass ? .exact : .automatic, name: called ?? name)
        case "binary_accuracy":
            return Accuracy(.binary(threshold: Float(threshold)), name: called ?? "binary_accuracy")
        case "categorical_accuracy": return Accuracy(.categorical, name: called ?? "categorical_accuracy")
        case "sparse_categorical_accuracy": return Accuracy(.sparse, name: called ?? "sparse_categorical_accuracy")
        case "top_k_categorical_accuracy", "sparse_top_k_categorical_accuracy":
            let isSparse = name.snakeCased.hasPrefix("sparse")
            let count = settings["k"]?.intValue ?? 5
            return Accuracy(.top(count: count, isSparse: isSparse), name: called ?? name.snakeCased)
        case "auc":
            guard settings["multi_label"]?.boolValue != true, settings["from_logits"]?.boolValue != true else {
                return nil
            }
            let curve = settings["curve"]?.stringValue == "PR" ? AUC.Curve.precisionRecall : .roc
            return AUC(curve, thresholds: settings["num_thresholds"]?.intValue ?? 200, name: called ?? "auc")
        case "precision", "recall": return detection(name.snakeCased, settings, called)
        case "root_mean_squared_error":
            return MeanMetric(MeanSquaredError(), name: called ?? "root_mean_squared_error", takesRoot: true)
        default:
            guard let loss = try? ConfiguredLossCatalogue.loss(.string(name)) else { return nil }
            return MeanMetric(loss.loss, name: called ?? name)
        }
    }

    private static func detection(_ name: String, _ settings: JSONValue, _ called: String?) -> (any Metric)? {
        guard settings["top_k"]?.isNull ?? true, settings["class_id"]?.isNull ?? true else { return nil }
        let threshold = settings["thresholds"]?.doubleValue ?? settings["thresholds"]?[0]?.doubleValue ?? 0.5
        return name == "recall"
            ? Recall(threshold: threshold, name: called ?? name) : Precision(threshold: threshold, name: called ?? name)
    }

    /// The name under which a metric is written to a compile configuration; nil where Keras has no name for it.
    package static func name(of metric: any Metric) -> String? {
        (try? self.metric(.string(metric.name))) == nil ? nil : metric.name
    }
}
