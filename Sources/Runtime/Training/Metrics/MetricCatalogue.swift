/// Every metric Ferry computes; means of losses stand under the losses' own names.
public enum MetricCatalogue {
    /// The metrics.
    public static let all: [any Metric.Type] = [
        MeanMetric.self, Accuracy.self, Precision.self, Recall.self, AUC.self,
    ]
}
