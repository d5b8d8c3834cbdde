package import FerryEngine

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Scaled dot-product attention over heads, with a cache of earlier keys and values (ONNX `Attention`).
///
/// Inputs: queries, keys, values, each [batch, heads, time, size] or [batch, time, heads · size]; optionally a mask that
/// broadcasts to [batch, heads, queries, keys], boolean or added to the scores; earlier keys and values [batch, heads,
/// time, size]; how many keys of each sample count. Outputs: the result in the layout of the queries, all keys, all
/// values, the scores [batch, heads, queries, keys].
package struct HeadAttention: TensorFunction, Hashable {
    package static let kind = "HeadAttention"

    /// At which point of the computation the scores are put out.
    package enum Scores: Int, Sendable { case raw, capped, biased, softmax }

    /// The numbers of heads where the inputs have three axes.
    package var queryHeads: Int?
    package var keyHeads: Int?
    /// The factor of the scores; nil means 1/√size.
    package var scale: Float?
    /// Scores are bent to ± this number by tanh; 0 leaves them.
    package var softcap: Float = 0
    package var isCausal = false
    /// How many keys before and behind a query's own place are seen; nil means all.
    package var leftWindow: Int?
    package var rightWindow: Int?
    package var scores = Scores.raw

    package init() {}

    package var arity: ClosedRange<Int> { 3...7 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let (q, k, v) = (
            try headed(inputs[0], queryHeads), try headed(inputs[1], keyHeads), try headed(inputs[2], keyHeads)
        )
        guard inputs[1].rank == inputs[0].rank, inputs[2].rank == inputs[0].rank else {
            throw FerryError(.shape, found: "inputs \(inputs.present.map(\.shape))", expected: "equally many axes")
        }
        var (keys, values) = (k, v)
        if let past = inputs[optional: 4], let pastValues = inputs[optional: 5] {
            guard past.rank == 4, pastValues.rank == 4 else {
                throw FerryError(.shape, found: "earlier keys \(past)", expected: "[batch, heads, time, size]")
            }
            let total = [past.shape[2], k[2]].lengths.map { Dimension.fixed($0.reduce(0, +)) } ?? .unknown
            (keys[2], values[2]) = (total, total)
        }
        let output =
            inputs[0].rank == 4
            ? [q[0], q[1], q[2], v[3]] : [q[0], q[2], [q[1], v[3]].productDimension]
        return [
            inputs[0].with(shape: output), inputs[1].with(shape: keys), inputs[2].with(shape: values),
            inputs[0].with(shape: [q[0], q[1], q[2], keys[2]]),
        ]
    }

    /// [batch, heads, time, size] of one input.
    private func headed(_ type: ValueType, _ heads: Int?) throws -> [Dimension] {
        guard type.rank == 3 else {
            guard type.rank == 4, type.dtype.isFloat else {
                throw FerryError(.shape, found: "an input \(type)", expected: "floats with three or four axes")
            }
            return type.shape
        }
        guard let heads, heads > 0, type.shape[2].length.map({ $0 % heads == 0 }) ?? true else {
            throw FerryError(.shape, found: "an input \(type)", expected: "a number of heads that divides it")
        }
        return [
            type.shape[0], .fixed(heads), type.shape[1], type.shape[2].length.map { .fixed($0 / heads) } ?? .unknown,
        ]
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let q = headed(inputs[0], queryHeads)
        var (k, v) = (headed(inputs[1], keyHeads), headed(inputs[2], keyHeads))
        if let past = inputs[optional: 4], let pastValues = inputs[optional: 5] {
            k = .concatenated([past, k], axis: 2)
            v = .concatenated([pastValues, v], axis: 2)
        }
        let lengths = inputs[optional: 6]?.ints
        guard k.shape[2] == v.shape[2], k.shape[1] == v.shape[1], k.shape[3] == q.shape[3],
            k.shape[1] > 0, q.shape[1] % k.shape[1] == 0, lengths.map({ $0.count == q.shape[0] }) ?? true
        else {
            throw FerryError(
                .shape, found: "queries \(q.shape), keys \(k.shape), values \(v.shape)",
                expected: "equal sizes, keys for all values, and query heads that key heads divide")
        }
        _ = try checkedShape([q.shape[0], q.shape[1], q.shape[2], k.shape[2]])
        let call = HeadAttentionCall(
            attention: self, queries: q, keys: k, values: v,
            mask: try inputs[optional: 3].map { try fullMask($0, [q.shape[0], q.shape[1], q.shape[2], k.shape[2]]) },
            offset: inputs[optional: 4]?.shape[2], lengths: lengths)
        let (y, scores) = call.run()
        var output = y.cast(to: inputs[0].dtype)
        if inputs[0].rank == 3 {
            output = output.transposed([0, 2, 1, 3]).reshaped([q.shape[0], q.shape[2], q.shape[1] * v.shape[3]])
        }
        return [output, k, v, scores.cast(to: inputs[0].dtype)]
    }

    private func headed(_ x: Tensor, _ heads: Int?) -> Tensor {
        guard x.rank == 3, let heads else { return x }
        return x.reshaped([x.shape[0], x.shape[1], heads, x.shape[2] / heads]).transposed([0, 2, 1, 3])
    }

    /// The mask as numbers that are added to the scores, one for each; keys that it leaves out do not count.
    private func fullMask(_ mask: Tensor, _ shape: [Int]) throws -> Tensor {
        let isBoolean = mask.dtype == .bool
        var bias = mask.cast(to: .float32)
        if isBoolean { bias = bias.map { (x: Float) in x == 0 ? -Float.infinity : 0 } }
        let missing = shape[3] - (bias.shape.last ?? shape[3])
        if missing > 0 {
            var filler = bias.shape
            filler[bias.rank - 1] = missing
            let nothing = Tensor(scalar: -Float.infinity).broadcast(to: filler)
            bias = .concatenated([bias, nothing], axis: bias.rank - 1)
        }
        guard broadcastShape(bias.shape, shape) == shape else {
            throw FerryError(.shape, found: "a mask \(mask.shape)", expected: "one that broadcasts to \(shape)")
        }
        return bias.broadcast(to: shape)
    }
}

/// One call of ``HeadAttention``, all tensors with four axes.
private struct HeadAttentionCall {
    let attention: HeadAttention
    let queries: Tensor
    let keys: Tensor
    let values: Tensor
    /// Added to the scores, [batch, heads, queries, keys].
    let mask: Tensor?
    /// The number of earlier keys; nil where there is no cache.
    let offset: Int?
    /// How many keys of each sample count.
    let lengths: [Int]?

    func run() -> (y: Tensor, scores: Tensor) {
        let (batch, heads, steps, size) = (queries.shape[0], queries.shape[1], queries.shape[2], queries.shape[3])
        let (count, width, group) = (keys.shape[2], values.shape[3], heads / keys.shape[1])
        let scale = (attention.scale ?? 1 / Float(size).squareRoot())
        let (q, k, v) = (queries.floats, keys.floats, values.floats)
        let bias = mask?.floats
        var y = [Float](repeating: 0, count: batch * heads * steps * width)
        var shown = [Float](repeating: 0, count: batch * heads * steps * count)
        var line = [Float](repeating: 0, count: count)
        for sample in 0..<batch {
            for head in 0..<heads {
                let source = sample * keys.shape[1] + head / group
                for step in 0..<steps {
                    let row = (sample * heads + head) * steps + step
                    for j in 0..<count {
                        var sum: Float = 0
                        for i in 0..<size { sum += q[row * size + i] * k[(source * count + j) * size + i] }
                        line[j] = sum * scale
                    }
                    let place = place(sample, step)
                    show(line, .raw, at: row, &shown)
                    if attention.softcap > 0 {
                        for j in 0..<count { line[j] = attention.softcap * tanh(line[j] / attention.softcap) }
                    }
                    show(line, .capped, at: row, &shown)
                    for j in 0..<count {
                        line[j] = isSeen(j, from: place, sample) ? line[j] + (bias?[row * count + j] ?? 0) : -.infinity
                    }
                    show(line, .biased, at: row, &shown)
                    normalize(&line)
                    show(line, .softmax, at: row, &shown)
                    for j in 0..<count where line[j] != 0 {
                        for i in 0..<width { y[row * width + i] += line[j] * v[(source * count + j) * width + i] }
                    }
                }
            }
        }
        return (
            Tensor(y, shape: [batch, heads, steps, width]), Tensor(shown, shape: [batch, heads, steps, count])
        )
    }

    /// The place of a query among the keys.
    private func place(_ sample: Int, _ step: Int) -> Int {
        step + (offset ?? lengths.map { $0[sample] - queries.shape[2] } ?? 0)
    }

    private func isSeen(_ key: Int, from place: Int, _ sample: Int) -> Bool {
        if attention.isCausal && key > place { return false }
        if let left = attention.leftWindow, place - key > left { return false }
        if let right = attention.rightWindow, key - place > right { return false }
        return lengths.map { key < $0[sample] } ?? true
    }

    /// Softmax; zeros where no key is seen.
    private func normalize(_ line: inout [Float]) {
        let largest = line.max() ?? 0
        guard largest > -.infinity else {
            for j in line.indices { line[j] = 0 }
            return
        }
        var sum: Float = 0
        for j in line.indices {
            line[j] = exp(line[j] - largest)
            sum += line[j]
        }
        for j in line.indices { line[j] /= sum }
    }

    private func show(_ line: [Float], _ stage: HeadAttention.Scores, at row: Int, _ shown: inout [Float]) {
        guard attention.scores == stage else { return }
        for j in line.indices { shown[row * line.count + j] = line[j] }
    }
}
