public import FerryEngine

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// −ln of the probability that the frames read as the label, whatever the alignment (Graves et al. 2006).
///
/// Predictions are logits [batch, time, classes]; targets are class numbers [batch, length], where 0 is both the blank
/// and the padding, as in `keras.losses.CTC`. One value comes out for each sample.
public struct CTC: Loss {
    public static let kind = "CTC"
    public static let targetDescription = "class numbers [batch, length], padded with 0"
    /// The loss.
    public init() {}

    public func fitted(_ target: Tensor, to prediction: Tensor) throws -> Tensor {
        guard prediction.rank == 3, target.rank == 2, target.shape[0] == prediction.shape[0] else {
            throw FerryError(
                .shape, found: "targets of shape \(target.shape) for predictions of shape \(prediction.shape)",
                expected: "\(Self.kind) takes \(Self.targetDescription) for logits [batch, time, classes]")
        }
        let classes = prediction.shape[2]
        if let outside = target.ints.first(where: { !(0..<classes).contains($0) }) {
            throw FerryError(.range, found: "target class \(outside)", expected: "0 to \(classes - 1)")
        }
        return target.cast(to: .float32)
    }

    public func values(_ prediction: Tensor, _ target: Tensor) throws -> Tensor {
        Tensor(alignments(prediction, target).map { Float($0.loss) })
    }

    public func gradient(_ prediction: Tensor, _ target: Tensor, weights: Tensor) throws -> Tensor {
        let factors = weights.floats
        let gradients = alignments(prediction, target).enumerated().flatMap { sample, alignment in
            alignment.gradient().map { Float($0) * factors[sample] }
        }
        return Tensor(gradients, shape: prediction.shape)
    }

    private func alignments(_ prediction: Tensor, _ target: Tensor) -> [CTCAlignment] {
        let logits: [Float] = prediction.elements()
        let labels = target.ints
        let (time, classes, length) = (prediction.shape[1], prediction.shape[2], target.shape[1])
        return (0..<prediction.shape[0]).map { sample in
            CTCAlignment(
                logits: Array(logits[(sample * time * classes)..<((sample + 1) * time * classes)]), classes: classes,
                label: labels[(sample * length)..<((sample + 1) * length)].filter { $0 != 0 })
        }
    }
}

/// The forward and backward variables of one sample, in logarithms.
private struct CTCAlignment {
    /// ln softmax of the logits, [time][classes].
    private let frames: [[Double]]
    /// The label with a blank around each class.
    private let path: [Int]
    private let forward: [[Double]]
    let loss: Double

    init(logits: [Float], classes: Int, label: [Int]) {
        frames = stride(from: 0, to: logits.count, by: classes).map { start in
            let line = logits[start..<(start + classes)].map(Double.init)
            let sum = logSum(line)
            return line.map { $0 - sum }
        }
        path = [0] + label.flatMap { [$0, 0] }
        forward = Self.scan(frames, path)
        loss = forward.last.map { -logSum($0.suffix(2)) } ?? 0
    }

    /// softmax − the share of alignments that pass each class, by time and class.
    func gradient() -> [Double] {
        let backward = Array(Self.scan(frames.reversed(), path.reversed()).map { Array($0.reversed()) }.reversed())
        return frames.indices.flatMap { t in
            var shares = frames[t].map { exp($0) }
            // Without any alignment the loss is infinite and has no slope.
            guard loss.isFinite else { return shares.map { _ in 0.0 } }
            for (s, symbol) in path.enumerated() {
                shares[symbol] -= exp(forward[t][s] + backward[t][s] - frames[t][symbol] + loss)
            }
            return shares
        }
    }

    /// α of Graves et al. 2006, equations 6 and 7.
    private static func scan(_ frames: [[Double]], _ path: [Int]) -> [[Double]] {
        var rows: [[Double]] = []
        for (t, frame) in frames.enumerated() {
            let row = path.indices.map { s -> Double in
                if t == 0 { return s < 2 ? frame[path[s]] : -.infinity }
                var sources = [rows[t - 1][s]]
                if s > 0 { sources.append(rows[t - 1][s - 1]) }
                if s > 1, path[s] != 0, path[s] != path[s - 2] { sources.append(rows[t - 1][s - 2]) }
                return logSum(sources) + frame[path[s]]
            }
            rows.append(row)
        }
        return rows
    }
}

private func logSum(_ values: some Collection<Double>) -> Double {
    guard let largest = values.max(), largest > -.infinity else { return -.infinity }
    return largest + log(values.reduce(0) { $0 + exp($1 - largest) })
}
