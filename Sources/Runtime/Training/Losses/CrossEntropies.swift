public import FerryEngine

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// −mean (t ln p + (1 − t) ln(1 − p))
public struct BinaryCrossentropy: ElementLoss {
    public static let kind = "BinaryCrossentropy"
    public static let targetDescription = "0 and 1 of the prediction's shape"
    /// Whether predictions are logits x, with p = σ(x).
    public var fromLogits: Bool
    /// How far targets are moved towards ½.
    public var labelSmoothing: Float

    /// Keras's defaults.
    public init(fromLogits: Bool = false, labelSmoothing: Float = 0) {
        self.fromLogits = fromLogits
        self.labelSmoothing = labelSmoothing
    }

    public var splitActivations: [ActivationFunction] { fromLogits ? [] : [.softmax, .sigmoid] }
    public var beforeActivation: any Loss { Self(fromLogits: true, labelSmoothing: labelSmoothing) }

    func value(_ p: Float, _ t: Float) -> Float {
        let t = smoothed(t)
        if fromLogits { return max(p, 0) - p * t + log1pf(expf(-abs(p))) }
        let q = held(p)
        return -(t * logf(q) + (1 - t) * logf(1 - q))
    }

    func slope(_ p: Float, _ t: Float) -> Float {
        let t = smoothed(t)
        if fromLogits { return 1 / (1 + expf(-p)) - t }
        return held(p) == p ? (1 - t) / (1 - p) - t / p : 0
    }

    private func smoothed(_ t: Float) -> Float { t * (1 - labelSmoothing) + 0.5 * labelSmoothing }
}

/// −Σ t ln p, with one target for each class
public struct CategoricalCrossentropy: LineLoss {
    public static let kind = "CategoricalCrossentropy"
    public static let targetDescription = "a number for each class (one-hot) in the prediction's shape"
    /// Whether predictions are logits x, with p = softmax(x).
    public var fromLogits: Bool
    /// How far targets are moved towards equal shares.
    public var labelSmoothing: Float

    /// Keras's defaults.
    public init(fromLogits: Bool = false, labelSmoothing: Float = 0) {
        self.fromLogits = fromLogits
        self.labelSmoothing = labelSmoothing
    }

    public var splitActivations: [ActivationFunction] { fromLogits ? [] : [.softmax, .sigmoid] }
    public var beforeActivation: any Loss { Self(fromLogits: true, labelSmoothing: labelSmoothing) }

    public func fitted(_ target: Tensor, to prediction: Tensor) throws -> Tensor {
        guard target.shape == prediction.shape else {
            let isSparse =
                target.shape == prediction.shape.dropLast() || target.shape == prediction.shape.dropLast() + [1]
            throw FerryError(
                .shape, found: "targets of shape \(target.shape) for predictions of shape \(prediction.shape)",
                expected: "\(Self.kind) takes \(Self.targetDescription)",
                remedy: isSparse
                    ? "use SparseCategoricalCrossentropy for class numbers, or make the targets one-hot"
                    : "give the last layer one unit for each class")
        }
        return target.cast(to: .float32)
    }

    func value(_ p: UnsafeBufferPointer<Float>, _ t: UnsafeBufferPointer<Float>) -> Float {
        if fromLogits {
            let logSum = p.logSumOfExponentials
            return p.indices.reduce(Float(0)) { $0 + smoothed(t[$1], p.count) * (logSum - p[$1]) }
        }
        let sum = p.reduce(0, +)
        return -p.indices.reduce(Float(0)) { $0 + smoothed(t[$1], p.count) * logf(held(p[$1] / sum)) }
    }

    func gradient(
        _ p: UnsafeBufferPointer<Float>, _ t: UnsafeBufferPointer<Float>, _ weight: Float,
        into gradient: UnsafeMutableBufferPointer<Float>
    ) {
        if fromLogits {
            let logSum = p.logSumOfExponentials
            for i in p.indices { gradient[i] = weight * (expf(p[i] - logSum) - smoothed(t[i], p.count)) }
            return
        }
        let sum = p.reduce(0, +)
        for i in p.indices {
            let q = p[i] / sum
            gradient[i] = held(q) == q ? -smoothed(t[i], p.count) / q : 0
        }
        let mean = p.indices.reduce(Float(0)) { $0 + gradient[$1] * p[$1] / sum }
        for i in p.indices { gradient[i] = weight * (gradient[i] - mean) / sum }
    }

    private func smoothed(_ t: Float, _ classes: Int) -> Float {
        t * (1 - labelSmoothing) + labelSmoothing / Float(classes)
    }
}

/// −ln p of the class that the target names
public struct SparseCategoricalCrossentropy: LineLoss {
    public static let kind = "SparseCategoricalCrossentropy"
    public static let targetDescription = "the number of a class for each line of predictions"
    /// Whether predictions are logits x, with p = softmax(x).
    public var fromLogits: Bool
    /// A class whose targets do not count.
    public var ignoreClass: Int?

    /// Keras's defaults.
    public init(fromLogits: Bool = false, ignoreClass: Int? = nil) {
        self.fromLogits = fromLogits
        self.ignoreClass = ignoreClass
    }

    public var splitActivations: [ActivationFunction] { fromLogits ? [] : [.softmax, .sigmoid] }
    public var beforeActivation: any Loss { Self(fromLogits: true, ignoreClass: ignoreClass) }

    public func fitted(_ target: Tensor, to prediction: Tensor) throws -> Tensor {
        let lines = Array(prediction.shape.dropLast())
        guard target.shape == lines || target.shape == lines + [1] else {
            throw FerryError(
                .shape, found: "targets of shape \(target.shape) for predictions of shape \(prediction.shape)",
                expected: "\(Self.kind) takes \(Self.targetDescription), \(lines)",
                remedy: target.shape == prediction.shape
                    ? "use CategoricalCrossentropy for one-hot targets"
                    : "let the model predict as many steps as there are targets")
        }
        let classes = prediction.shape[prediction.rank - 1]
        if let outside = target.ints.first(where: { !(0..<classes).contains($0) && $0 != ignoreClass }) {
            throw FerryError(
                .range, found: "target class \(outside)",
                expected: "0 to \(classes - 1), the classes of the last layer",
                remedy: "count classes from 0 and give the last layer one unit for each")
        }
        return target.cast(to: .float32).reshaped(lines)
    }

    func value(_ p: UnsafeBufferPointer<Float>, _ t: UnsafeBufferPointer<Float>) -> Float {
        guard let target = target(t) else { return 0 }
        if fromLogits { return p.logSumOfExponentials - p[target] }
        return logf(p.reduce(0) { $0 + held($1) }) - logf(held(p[target]))
    }

    func gradient(
        _ p: UnsafeBufferPointer<Float>, _ t: UnsafeBufferPointer<Float>, _ weight: Float,
        into gradient: UnsafeMutableBufferPointer<Float>
    ) {
        guard let target = target(t) else { return gradient.update(repeating: 0) }
        if fromLogits {
            let logSum = p.logSumOfExponentials
            for i in p.indices { gradient[i] = weight * (expf(p[i] - logSum) - (i == target ? 1 : 0)) }
            return
        }
        let sum = p.reduce(0) { $0 + held($1) }
        for i in p.indices {
            gradient[i] = held(p[i]) == p[i] ? weight * (1 / sum - (i == target ? 1 / p[i] : 0)) : 0
        }
    }

    private func target(_ t: UnsafeBufferPointer<Float>) -> Int? {
        let target = Int(t[0])
        return target == ignoreClass ? nil : target
    }
}

/// A probability held in ε … 1 − ε.
private func held(_ p: Float) -> Float { min(max(p, kerasEpsilon), 1 - kerasEpsilon) }

extension UnsafeBufferPointer<Float> {
    /// ln Σ eˣ
    fileprivate var logSumOfExponentials: Float {
        let largest = self.max() ?? 0
        return largest + logf(reduce(0) { $0 + expf($1 - largest) })
    }
}
