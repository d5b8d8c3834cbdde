package import FerryEngine

/// The loss −w[c] · x[n, c, …] at each place's class c (ONNX `NegativeLogLikelihoodLoss`).
///
/// Inputs: logarithms of probabilities [batch, classes, …], classes [batch, …], optionally a weight for each class.
package struct NegativeLogLikelihood: TensorFunction, Hashable {
    package static let kind = "NegativeLogLikelihood"

    /// What becomes of the losses of all places.
    package enum Reduction: String, Sendable, CaseIterable { case none, sum, mean }

    package var reduction: Reduction
    /// A class that stands for "not known" and has no loss.
    package var ignored: Int?

    package init(_ reduction: Reduction, ignored: Int? = nil) {
        self.reduction = reduction
        self.ignored = ignored
    }

    package var arity: ClosedRange<Int> { 2...3 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let (x, target) = (inputs[0], inputs[1])
        guard x.rank >= 2, target.rank == x.rank - 1, x.dtype.isFloat, !target.dtype.isFloat else {
            throw FerryError(
                .shape, found: "inputs \(x) and \(target)", expected: "[batch, classes, …] of floats and [batch, …]")
        }
        return [reduction == .none ? x.with(shape: target.shape) : x.with(shape: [])]
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let (x, target) = (inputs[0], inputs[1])
        let (classes, places) = (x.shape[1], x.shape.dropFirst(2).reduce(1, *))
        let weights = inputs[optional: 2]?.doubles ?? [Double](repeating: 1, count: classes)
        guard weights.count == classes, target.count == x.shape[0] * places else {
            throw FerryError(
                .shape, found: "\(weights.count) weights and classes \(target.shape)", expected: "those of \(x.shape)")
        }
        let values = x.doubles
        var (losses, total) = ([Double](repeating: 0, count: target.count), 0.0)
        for (i, label) in target.ints.enumerated() where label != ignored {
            let index = try checkedIndex(label, length: classes)
            losses[i] = -weights[index] * values[(i / places * classes + index) * places + i % places]
            total += weights[index]
        }
        let sum = losses.reduce(0, +)
        switch reduction {
        case .none: return [Tensor(losses, shape: target.shape, dtype: x.dtype)]
        case .sum: return [Tensor([sum], shape: [], dtype: x.dtype)]
        case .mean: return [Tensor([sum / total], shape: [], dtype: x.dtype)]
        }
    }
}
