import FerryEngine
import OrderedCollections

/// The means of losses and the metrics of one pass through the data.
struct EpochMeter {
    private let lossNames: [String]
    private var metrics: [MeteredMetric] = []
    private var sum = 0.0
    /// Keras 3 takes the mean of these over batches, however many samples a batch has; Keras 2 over samples.
    private var sums: [Double]
    private let weighsBatches: Bool
    private var samples = 0
    private var weight = 0

    /// A metric of one output, under the name that logs have for it.
    private struct MeteredMetric {
        var metric: any Metric
        let name: String
        let output: Int
        let target: Int
        let isWeighted: Bool
    }

    init(_ trainer: Trainer) {
        let names = trainer.source.graph.outputNames
        let withLoss = trainer.heads.indices.filter { trainer.heads[$0] != nil }
        lossNames = withLoss.count > 1 ? withLoss.map { "\(names[$0])_loss" } : []
        sums = withLoss.map { _ in 0 }
        let configuration = trainer.configuration
        weighsBatches = configuration.optimizer.settings.followsKeras2
        for (lists, isWeighted) in [(configuration.metrics, false), (configuration.weightedMetrics, true)] {
            for (target, output) in withLoss.enumerated() {
                let list = lists.count == names.count ? lists[output] : lists.count == 1 ? lists[0] : []
                let prefix = names.count > 1 ? names[output] + "_" : ""
                for metric in list {
                    metrics.append(
                        MeteredMetric(
                            metric: metric, name: name(metric.name, prefix, isWeighted), output: output,
                            target: target, isWeighted: isWeighted))
                }
            }
        }
    }

    /// A name that is not taken yet, found as Keras 3 finds it.
    private func name(_ metric: String, _ prefix: String, _ isWeighted: Bool) -> String {
        let taken = Set(metrics.map(\.name))
        guard taken.contains(prefix + metric) else { return prefix + metric }
        let base = isWeighted ? "\(prefix)weighted_\(metric)" : prefix + metric
        guard isWeighted, !taken.contains(base) else {
            return (1...).lazy.map { "\(base)_\($0)" }.first { !taken.contains($0) } ?? base
        }
        return base
    }

    mutating func add(_ result: BatchResult, _ batch: TrainingData) throws {
        sum += result.loss * Double(result.samples)
        let batchWeight = weighsBatches ? result.samples : 1
        for (i, loss) in result.outputLosses.enumerated() { sums[i] += loss * Double(batchWeight) }
        weight += batchWeight
        samples += result.samples
        for i in metrics.indices {
            let (prediction, target) = (result.predictions[metrics[i].output], batch.targets[metrics[i].target])
            try metrics[i].metric.add(prediction, target, weights: weights(metrics[i], result, batch))
        }
    }

    /// What the values of a metric count: the sample weights where it asks for them, and nothing where the mask hides them.
    private func weights(_ metric: MeteredMetric, _ result: BatchResult, _ batch: TrainingData) throws -> Tensor? {
        let given = metric.isWeighted ? batch.sampleWeights[optional: metric.target] : nil
        let mask = metric.metric.followsMask ? result.masks[metric.output]?.cast(to: .float32) : nil
        guard let mask else { return given }
        guard let given else { return mask }
        return Tensor(try given.spread(to: mask.shape, "sample weights"), shape: mask.shape) * mask
    }

    var loss: Double { sum / Double(max(samples, 1)) }

    var values: OrderedDictionary<String, Double> {
        var values: OrderedDictionary<String, Double> = ["loss": loss]
        for (name, sum) in zip(lossNames, sums) { values[name] = sum / Double(max(weight, 1)) }
        for metric in metrics { values[metric.name] = metric.metric.value }
        return values
    }
}
