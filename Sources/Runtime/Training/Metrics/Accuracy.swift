public import FerryEngine

/// The share of predictions that hit their target.
public struct Accuracy: Metric {
    public static let kind = "Accuracy"

    /// When a prediction hits.
    public enum Rule: Sendable, Equatable {
        /// As the shapes suggest: ``binary(threshold:)`` for one unit, ``sparse`` for class numbers, else
        /// ``categorical``. This is what `metrics=["accuracy"]` means in Keras.
        case automatic
        /// The prediction equals the target.
        case exact
        /// The prediction is above the threshold where the target is 1, and not where it is 0.
        case binary(threshold: Float)
        /// The largest prediction stands where the largest target does.
        case categorical
        /// The largest prediction stands at the class that the target names.
        case sparse
        /// The class of the target is among the `count` largest predictions; targets are class numbers where `isSparse`.
        case top(count: Int, isSparse: Bool)
    }

    public let name: String
    /// When a prediction hits.
    public let rule: Rule
    private var mean = WeightedMean()

    /// A share by `rule`.
    public init(_ rule: Rule = .automatic, name: String = "accuracy") {
        self.rule = rule
        self.name = name
    }

    public var value: Double { mean.value }

    public mutating func add(_ prediction: Tensor, _ target: Tensor, weights: Tensor?) throws {
        let hits = try hits(prediction, target)
        let isByElement = hits.count == prediction.count
        let shape = isByElement ? prediction.shape : Array(prediction.shape.dropLast())
        mean.add(hits.map { $0 ? 1 : 0 }, try weights?.spread(to: shape, "weights"))
    }

    private func hits(_ prediction: Tensor, _ target: Tensor) throws -> [Bool] {
        switch resolved(prediction, target) {
        case .exact: try compare(prediction, target) { $0 == $1 }
        case .binary(let threshold): try compare(prediction, target) { ($0 > threshold ? 1 : 0) == $1 }
        case .sparse: try compareClasses(prediction.largestPlaces(), target.ints)
        case .top(let size, let isSparse):
            try compareTop(prediction, isSparse ? target.ints : target.largestPlaces(), size)
        case .categorical, .automatic: try compareClasses(prediction.largestPlaces(), classes(target, prediction))
        }
    }

    /// The classes of targets. Keras 2 writes `categorical_accuracy` for a model that has seen no targets yet, and then
    /// they may be class numbers.
    private func classes(_ target: Tensor, _ prediction: Tensor) -> [Int] {
        target.count < prediction.count ? target.ints : target.largestPlaces()
    }

    private func resolved(_ prediction: Tensor, _ target: Tensor) -> Rule {
        guard rule == .automatic else { return rule }
        let classes = prediction.shape.last ?? 1
        if classes == 1 { return .binary(threshold: 0.5) }
        let isSparse = target.rank < prediction.rank || target.shape.last == 1
        return isSparse ? .sparse : .categorical
    }

    private func compare(
        _ prediction: Tensor, _ target: Tensor, _ isHit: (Float, Float) -> Bool
    ) throws -> [Bool] {
        try require(prediction.count == target.count, prediction, target)
        return zip(prediction.floats, target.floats).map { isHit($0, $1) }
    }

    private func compareClasses(_ predicted: [Int], _ targets: [Int]) throws -> [Bool] {
        try require(predicted.count == targets.count, Tensor(zeros: [predicted.count]), Tensor(zeros: [targets.count]))
        return zip(predicted, targets).map { $0 == $1 }
    }

    private func compareTop(_ prediction: Tensor, _ targets: [Int], _ size: Int) throws -> [Bool] {
        let values = prediction.floats
        let classes = max(prediction.shape.last ?? 1, 1)
        try require(targets.count * classes == values.count, prediction, Tensor(zeros: [targets.count]))
        return targets.enumerated().map { line, target in
            let scores = values[(line * classes)..<((line + 1) * classes)]
            let isInside = (0..<classes).contains(target)
            return isInside && scores.count { $0 > scores[scores.startIndex + target] } < size
        }
    }

    private func require(_ condition: Bool, _ prediction: Tensor, _ target: Tensor) throws {
        guard condition else {
            throw FerryError(
                .shape, found: "targets of shape \(target.shape) for predictions of shape \(prediction.shape)",
                expected: "shapes that the metric '\(name)' can compare")
        }
    }
}
