public import FerryEngine

/// How many predictions are right and wrong when those above a threshold count as positive.
struct Confusion: Sendable {
    let threshold: Double
    var (truePositives, falsePositives, trueNegatives, falseNegatives) = (0.0, 0.0, 0.0, 0.0)

    init(_ threshold: Double) { self.threshold = threshold }

    mutating func add(_ prediction: Float, isPositive: Bool, _ weight: Double) {
        switch (Double(prediction) > threshold, isPositive) {
        case (true, true): truePositives += weight
        case (true, false): falsePositives += weight
        case (false, true): falseNegatives += weight
        case (false, false): trueNegatives += weight
        }
    }
}

/// The share of positive predictions that are right.
public struct Precision: Metric {
    public static let kind = "Precision"
    public var followsMask: Bool { false }
    public let name: String
    private var confusion: Confusion

    /// Predictions above `threshold` are positive.
    public init(threshold: Double = 0.5, name: String = "precision") {
        confusion = Confusion(threshold)
        self.name = name
    }

    public mutating func add(_ prediction: Tensor, _ target: Tensor, weights: Tensor?) throws {
        try eachPair(prediction, target, weights, name) { confusion.add($0, isPositive: $1, $2) }
    }

    public var value: Double { share(confusion.truePositives, of: confusion.truePositives + confusion.falsePositives) }
}

/// The share of positive targets that are found.
public struct Recall: Metric {
    public static let kind = "Recall"
    public var followsMask: Bool { false }
    public let name: String
    private var confusion: Confusion

    /// Predictions above `threshold` are positive.
    public init(threshold: Double = 0.5, name: String = "recall") {
        confusion = Confusion(threshold)
        self.name = name
    }

    public mutating func add(_ prediction: Tensor, _ target: Tensor, weights: Tensor?) throws {
        try eachPair(prediction, target, weights, name) { confusion.add($0, isPositive: $1, $2) }
    }

    public var value: Double { share(confusion.truePositives, of: confusion.truePositives + confusion.falseNegatives) }
}

/// The area under the curve of true against false positives (ROC), or of precision against recall, over evenly spread
/// thresholds; the curve is interpolated between them as Keras does.
public struct AUC: Metric {
    public static let kind = "AUC"
    public var followsMask: Bool { false }

    /// Which curve.
    public enum Curve: String, Sendable { case roc = "ROC", precisionRecall = "PR" }

    public let name: String
    private let curve: Curve
    private var confusions: [Confusion]

    /// Keras's default is the ROC over 200 thresholds.
    public init(_ curve: Curve = .roc, thresholds: Int = 200, name: String = "auc") {
        self.curve = curve
        self.name = name
        let inner = (1..<max(thresholds - 1, 2)).map { Double($0) / Double(thresholds - 1) }
        confusions = ([-1e-7] + inner + [1 + 1e-7]).map { Confusion($0) }
    }

    public mutating func add(_ prediction: Tensor, _ target: Tensor, weights: Tensor?) throws {
        try eachPair(prediction, target, weights, name) { prediction, isPositive, weight in
            for i in confusions.indices { confusions[i].add(prediction, isPositive: isPositive, weight) }
        }
    }

    public var value: Double { curve == .roc ? areaUnderROC : areaUnderPrecision }

    private var areaUnderROC: Double {
        let points = confusions.map { c in
            (
                x: share(c.falsePositives, of: c.falsePositives + c.trueNegatives),
                y: share(c.truePositives, of: c.truePositives + c.falseNegatives)
            )
        }
        return zip(points, points.dropFirst()).reduce(0) { $0 + ($1.0.x - $1.1.x) * ($1.0.y + $1.1.y) / 2 }
    }

    /// Davis & Goadrich 2006: between two points precision does not go straight.
    private var areaUnderPrecision: Double {
        zip(confusions, confusions.dropFirst()).reduce(0) { area, pair in
            let (a, b) = pair
            let hits = a.truePositives - b.truePositives
            let positives = a.truePositives + a.falsePositives - b.truePositives - b.falsePositives
            let slope = share(hits, of: max(positives, 0))
            let offset = b.truePositives - slope * (b.truePositives + b.falsePositives)
            let (all, fewer) = (a.truePositives + a.falsePositives, b.truePositives + b.falsePositives)
            let ratio = all > 0 && fewer > 0 ? share(all, of: fewer) : 1
            let increase = slope * (hits + offset * logarithm(ratio))
            return area + share(increase, of: a.truePositives + a.falseNegatives)
        }
    }
}

private func share(_ part: Double, of whole: Double) -> Double { whole == 0 ? 0 : part / whole }

private func eachPair(
    _ prediction: Tensor, _ target: Tensor, _ weights: Tensor?, _ metric: String,
    _ body: (Float, Bool, Double) -> Void
) throws {
    guard prediction.count == target.count else {
        throw FerryError(
            .shape, found: "targets of shape \(target.shape) for predictions of shape \(prediction.shape)",
            expected: "0 and 1 for each prediction, which the metric '\(metric)' compares")
    }
    let weights = try weights?.spread(to: prediction.shape, "weights")
    for (i, (p, t)) in zip(prediction.floats, target.floats).enumerated() {
        body(p, t != 0, weights.map { Double($0[i]) } ?? 1)
    }
}
