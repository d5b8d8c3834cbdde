import FerryEngine
import FerryRuntime

/// A function of Keras that losses and metrics are made of.
struct KerasLossFunction: Sendable {
    /// Its name in Keras 3.
    let name: String
    /// Other names, of any era.
    let aliases: [String]
    /// The class of losses that averages it; nil where it is a metric only.
    let lossClass: String?
    /// The class of metrics that averages it; nil where there is none.
    let metricClass: String?
    /// Whether Keras 2 has it.
    let isInKeras2: Bool

    private init(
        _ name: String, _ aliases: [String] = [], loss: String?, metric: String?, isInKeras2: Bool = true
    ) {
        self.name = name
        self.aliases = aliases
        lossClass = loss
        metricClass = metric
        self.isInKeras2 = isInKeras2
    }

    private static func both(_ name: String, _ aliases: String..., named className: String) -> KerasLossFunction {
        .init(name, aliases, loss: className, metric: className)
    }

    private static func loss(
        _ name: String, _ aliases: String..., named className: String, isInKeras2: Bool = true
    ) -> KerasLossFunction {
        .init(name, aliases, loss: className, metric: nil, isInKeras2: isInKeras2)
    }

    private static func metric(_ name: String, named className: String) -> KerasLossFunction {
        .init(name, loss: nil, metric: className)
    }

    /// The functions that Keras 3 has.
    static let all: [KerasLossFunction] = [
        both("mean_squared_error", "mse", "MSE", named: "MeanSquaredError"),
        both("mean_absolute_error", "mae", "MAE", named: "MeanAbsoluteError"),
        both("mean_absolute_percentage_error", "mape", "MAPE", named: "MeanAbsolutePercentageError"),
        both("mean_squared_logarithmic_error", "msle", "MSLE", named: "MeanSquaredLogarithmicError"),
        both("binary_crossentropy", "bce", "BCE", named: "BinaryCrossentropy"),
        both("categorical_crossentropy", named: "CategoricalCrossentropy"),
        both("sparse_categorical_crossentropy", named: "SparseCategoricalCrossentropy"),
        both("kl_divergence", "kld", "KLD", "kullback_leibler_divergence", named: "KLDivergence"),
        both("poisson", named: "Poisson"), both("hinge", named: "Hinge"),
        both("squared_hinge", named: "SquaredHinge"), both("categorical_hinge", named: "CategoricalHinge"),
        both("cosine_similarity", "cosine_proximity", "cosine", named: "CosineSimilarity"),
        .init("log_cosh", ["logcosh"], loss: "LogCosh", metric: "LogCoshError"),
        loss("huber", "huber_loss", named: "Huber"),
        loss("binary_focal_crossentropy", named: "BinaryFocalCrossentropy"),
        loss("categorical_focal_crossentropy", named: "CategoricalFocalCrossentropy"),
        loss("dice", named: "Dice", isInKeras2: false), loss("tversky", named: "Tversky", isInKeras2: false),
        loss("circle", named: "Circle", isInKeras2: false), loss("ctc", named: "CTC", isInKeras2: false),
        metric("binary_accuracy", named: "BinaryAccuracy"),
        metric("categorical_accuracy", named: "CategoricalAccuracy"),
        metric("sparse_categorical_accuracy", named: "SparseCategoricalAccuracy"),
        metric("top_k_categorical_accuracy", named: "TopKCategoricalAccuracy"),
        metric("sparse_top_k_categorical_accuracy", named: "SparseTopKCategoricalAccuracy"),
    ]

    /// The function of a name of any era; nil where Keras 3 has none.
    static func named(_ name: String) -> KerasLossFunction? {
        all.first { $0.name == name || $0.aliases.contains(name) }
    }

    /// The metrics whose meaning Keras takes from the loss and the outputs.
    static let chosenMetrics: Set<String> = ["accuracy", "acc", "crossentropy", "ce"]

    /// The class of metrics that Keras gives for a name, such as `mae` or `root_mean_squared_error`.
    static func metricClass(_ name: String) -> String? {
        named(name)?.metricClass ?? otherMetrics.keys.first { $0.snakeCased == name || $0 == name }
    }

    /// The classes of metrics that are more than the mean of a function, and whether Keras 2 has them.
    private static let otherMetrics: [String: Bool] = [
        "Accuracy": true, "AUC": true, "Precision": true, "Recall": true, "TruePositives": true,
        "TrueNegatives": true, "FalsePositives": true, "FalseNegatives": true, "PrecisionAtRecall": true,
        "RecallAtPrecision": true, "SensitivityAtSpecificity": true, "SpecificityAtSensitivity": true,
        "RootMeanSquaredError": true, "MeanIoU": true, "IoU": true, "BinaryIoU": true, "OneHotIoU": true,
        "OneHotMeanIoU": true, "F1Score": true, "FBetaScore": true, "R2Score": true, "Mean": true, "Sum": true,
        "ConcordanceCorrelation": false, "PearsonCorrelation": false,
    ]

    /// Whether a version of Keras has a class of losses.
    static func hasLoss(_ className: String, _ version: KerasVersion) -> Bool {
        all.contains { $0.lossClass == className && (version.isKeras3 || $0.isInKeras2) }
    }

    /// Whether a version of Keras has a class of metrics.
    static func hasMetric(_ className: String, _ version: KerasVersion) -> Bool {
        all.contains { $0.metricClass == className }
            || (otherMetrics[className].map { version.isKeras3 || $0 } ?? false)
    }
}
