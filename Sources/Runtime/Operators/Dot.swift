public import FerryEngine

/// Products of two inputs, summed along one axis of each, sample by sample (Keras `Dot`).
///
/// Inputs: a [batch, …], b [batch, …]. Output: [batch], the other axes of a, the other axes of b; [batch, 1] where
/// nothing else is left.
public struct Dot: Operator, Hashable {
    public static let kind = "Dot"
    /// The axis of each input that is summed along, counted with the batch as axis 0; negative from the back.
    public var axes: [Int]
    /// Whether the lines along these axes are brought to length 1 first: the cosine.
    public var normalizes: Bool

    /// Sums along `axes`, one for each input.
    public init(axes: (Int, Int), normalizes: Bool = false) {
        self.axes = [axes.0, axes.1]
        self.normalizes = normalizes
    }

    public var arity: ClosedRange<Int> { 2...2 }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let (a, b) = (inputs[0].shape, inputs[1].shape)
        let (i, j) = (try checkedAxis(axes[0], rank: a.count), try checkedAxis(axes[1], rank: b.count))
        guard i > 0, j > 0, a[i].isCompatible(with: b[j]), a[0].isCompatible(with: b[0]) else {
            throw FerryError(
                .shape, found: "inputs \(a) and \(b)", expected: "equal batches, and equal lengths at axes \(axes)")
        }
        let rest =
            a.indices.filter { $0 != 0 && $0 != i }.map { a[$0] }
            + b.indices.filter { $0 != 0 && $0 != j }.map { b[$0] }
        return [ValueType(.float32, [a[0]] + (rest.isEmpty ? [.fixed(1)] : rest))]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let a = try prepared(inputs[0].tensor, axes[0])
        let b = try prepared(inputs[1].tensor, axes[1])
        let length = a.lines.shape[2]
        let products = (0..<a.lines.shape[0]).map { sample in
            let rows = a.lines.sliced(axis: 0, from: sample, count: 1).reshaped([a.lines.shape[1], length])
            let columns = b.lines.sliced(axis: 0, from: sample, count: 1).reshaped([b.lines.shape[1], length])
            return rows.matmul(columns.transposed([1, 0]))
        }
        let rest = a.rest + b.rest
        let shape = [a.lines.shape[0]] + (rest.isEmpty ? [1] : rest)
        return [Signal(products.isEmpty ? Tensor(zeros: shape) : Tensor.stacked(products, axis: 0).reshaped(shape))]
    }

    /// The input as [batch, lines, length of `axis`], and the lengths of the axes that the lines are counted by.
    private func prepared(_ tensor: Tensor, _ axis: Int) throws -> (lines: Tensor, rest: [Int]) {
        let axis = try checkedAxis(axis, rank: tensor.rank)
        let others = (1..<tensor.rank).filter { $0 != axis }
        let rest = others.map { tensor.shape[$0] }
        let x = tensor.cast(to: .float32).transposed([0] + others + [axis])
            .reshaped([tensor.shape[0], rest.product, tensor.shape[axis]])
        return (normalizes ? x.mapLines(axis: 2, toUnitLength) : x, rest)
    }

    private func toUnitLength(_ line: UnsafeMutableBufferPointer<Float>) {
        let square = line.reduce(0) { $0 + $1 * $1 }
        let factor = 1 / max(square, 1e-12).squareRoot()
        for i in line.indices { line[i] *= factor }
    }
}
