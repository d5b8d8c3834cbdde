package import FerryEngine

/// An LSTM whose products are of eight-bit integers, as ONNX Runtime computes `DynamicQuantizeLSTM`: the input as a whole
/// and the state in every step are quantised by their own range, weights are quantised beforehand.
///
/// Inputs: x [time, batch, features]; W [directions, features, 4 · units] and R [directions, units, 4 · units] in eight
/// bits, gates i, o, f, c; biases [directions, 8 · units]; lengths [batch]; initial h and c [directions, batch, units];
/// peepholes [directions, 3 · units]; scale and zero point of W and of R, one for each direction or each column. All but
/// x, W, R and their scales may be left out. Outputs: Y [time, directions, batch, units], the last h and c.
package struct QuantizedLSTM: TensorFunction {
    package static let kind = "QuantizedLSTM"
    /// Units, functions, clip and whether the forget gate is one less the input gate; one for each direction.
    package var layers: [LSTM]

    package init(_ layers: [LSTM]) { self.layers = layers }

    package var arity: ClosedRange<Int> { 3...12 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let (x, w, r) = (inputs[0], inputs[1], inputs[2])
        let (units, directions) = (layers[0].units, layers.count)
        guard x.rank == 3, w.rank == 3, r.rank == 3, inputs[optional: 8] != nil, inputs[optional: 10] != nil,
            w.shape[0].isCompatible(with: .fixed(directions)), w.shape[2].isCompatible(with: .fixed(4 * units)),
            r.shape.lengths.map({ $0 == [directions, units, 4 * units] }) ?? true,
            w.shape[1].isCompatible(with: x.shape[2])
        else {
            throw FerryError(
                .shape, found: "x \(x), W \(w), R \(r)",
                expected: "[time, batch, features], \(directions) directions of \(units) units, and scales")
        }
        let state = x.with(shape: [.fixed(directions), x.shape[1], .fixed(units)])
        return [x.with(shape: [x.shape[0], .fixed(directions), x.shape[1], .fixed(units)]), state, state]
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let x = inputs[0]
        let (time, batch, units) = (x.shape[0], x.shape[1], layers[0].units)
        let lengths = inputs[optional: 4]?.ints ?? [Int](repeating: time, count: batch)
        guard lengths.count == batch, lengths.allSatisfy({ 0...time ~= $0 }) else {
            throw FerryError(.range, found: "lengths \(lengths)", expected: "\(batch) of them, from 0 to \(time)")
        }
        var parts: [QuantizedPass.Result] = []
        for (direction, layer) in layers.enumerated() {
            let pass = try QuantizedPass(inputs, direction: direction, layer: layer, lengths: lengths)
            parts.append(pass.run(x.floats, time: time, features: x.shape[2]))
        }
        func stacked(_ path: KeyPath<QuantizedPass.Result, [Float]>, _ shape: [Int], axis: Int) -> Tensor {
            .stacked(parts.map { Tensor($0[keyPath: path], shape: shape) }, axis: axis)
        }
        return [
            stacked(\.sequence, [time, batch, units], axis: 1), stacked(\.h, [batch, units], axis: 0),
            stacked(\.c, [batch, units], axis: 0),
        ]
    }
}

/// One direction of a ``QuantizedLSTM``.
private struct QuantizedPass {
    struct Result {
        var sequence: [Float]
        var h: [Float]
        var c: [Float]
    }

    let layer: LSTM
    let lengths: [Int]
    let kernel: QuantizedMatrix
    let recurrentKernel: QuantizedMatrix
    /// Both biases together, [4 · units].
    let bias: [Float]
    /// i, o, f.
    let peephole: [Float]
    let initial: (h: [Float], c: [Float])

    init(_ inputs: Slots<Tensor>, direction: Int, layer: LSTM, lengths: [Int]) throws {
        func part(_ slot: Int) -> Tensor? {
            inputs[optional: slot].map { tensor in
                tensor.sliced(axis: 0, from: direction, count: 1).reshaped(Array(tensor.shape.dropFirst()))
            }
        }
        let (units, batch) = (layer.units, lengths.count)
        self.layer = layer
        self.lengths = lengths
        kernel = try QuantizedMatrix(part(1), scale: part(8), zero: part(9), columns: 4 * units)
        recurrentKernel = try QuantizedMatrix(part(2), scale: part(10), zero: part(11), columns: 4 * units)
        let both = part(3)?.floats ?? [Float](repeating: 0, count: 8 * units)
        peephole = part(7)?.floats ?? [Float](repeating: 0, count: 3 * units)
        let none = [Float](repeating: 0, count: batch * units)
        initial = (part(5)?.floats ?? none, part(6)?.floats ?? none)
        guard both.count == 8 * units, peephole.count == 3 * units, initial.h.count == none.count,
            initial.c.count == none.count, recurrentKernel.rows == units
        else {
            throw FerryError(.shape, found: "biases, states or peepholes that do not fit", expected: "\(units) units")
        }
        bias = (0..<(4 * units)).map { both[$0] + both[4 * units + $0] }
    }

    func run(_ x: [Float], time: Int, features: Int) -> Result {
        let (batch, units, steps) = (lengths.count, layer.units, lengths.max() ?? 0)
        var result = Result(
            sequence: [Float](repeating: 0, count: time * batch * units), h: initial.h, c: initial.c)
        // Sequences of no steps have zeros for their last state.
        for (sample, length) in lengths.enumerated() where length == 0 {
            for unit in (sample * units)..<((sample + 1) * units) { (result.h[unit], result.c[unit]) = (0, 0) }
        }
        let sums = kernel.product(with: Array(x[..<(steps * batch * features)]), rows: steps * batch)
        for step in 0..<steps {
            let recurrent = recurrentKernel.product(with: result.h, rows: batch)
            for (sample, length) in lengths.enumerated() where step < length {
                let place = layer.options.goBackwards ? length - 1 - step : step
                update(sample, sums, (place * batch + sample) * 4 * units, recurrent, &result)
                for unit in 0..<units {
                    result.sequence[(place * batch + sample) * units + unit] = result.h[sample * units + unit]
                }
            }
        }
        return result
    }

    private func update(
        _ sample: Int, _ sums: [Float], _ row: Int, _ recurrent: [Float], _ result: inout Result
    ) {
        let units = layer.units
        func clipped(_ x: Float) -> Float { layer.clip.map { min(max(x, -$0), $0) } ?? x }
        for unit in 0..<units {
            let at = sample * units + unit
            func sum(_ gate: Int) -> Float {
                let column = gate * units + unit
                return sums[row + column] + recurrent[sample * 4 * units + column] + bias[column]
            }
            let c = result.c[at]
            let i = layer.recurrentActivation.scalar(clipped(sum(0) + peephole[unit] * c))
            let f =
                layer.couplesInputAndForget
                ? 1 - i : layer.recurrentActivation.scalar(clipped(sum(2) + peephole[2 * units + unit] * c))
            let newC = f * c + i * layer.activation.scalar(clipped(sum(3)))
            let o = layer.recurrentActivation.scalar(clipped(sum(1) + peephole[units + unit] * newC))
            result.c[at] = newC
            result.h[at] = o * (layer.outputActivation ?? layer.activation).scalar(newC)
        }
    }
}

/// Weights in eight bits, [rows, columns], with a scale for each column.
private struct QuantizedMatrix {
    let rows: Int
    private let columns: Int
    /// Less the zero point.
    private let values: [Int32]
    private let scale: [Float]

    init(_ weights: Tensor?, scale: Tensor?, zero: Tensor?, columns: Int) throws {
        let scale = scale?.floats ?? []
        let zero = zero?.ints ?? [0]
        guard let weights, weights.shape.last == columns, [1, columns].contains(scale.count),
            [1, columns].contains(zero.count)
        else { throw FerryError(.shape, found: "weights and scales that do not fit", expected: "\(columns) columns") }
        self.columns = columns
        rows = weights.shape[0]
        self.scale = scale.count == columns ? scale : [Float](repeating: scale[0], count: columns)
        values = weights.ints.enumerated().map { Int32($1 - zero[zero.count == 1 ? 0 : $0 % columns]) }
    }

    /// The product of `a` [count, rows], quantised by its own range, and these weights.
    func product(with a: [Float], rows count: Int) -> [Float] {
        let low = min(a.min() ?? 0, 0)
        let high = max(a.max() ?? 0, 0)
        let step = low == high ? 1 : (high - low) / 255
        let zero = min(max((0 - low / step).rounded(.toNearestOrEven), 0), 255)
        var result = [Float](repeating: 0, count: count * columns)
        var sums = [Int32](repeating: 0, count: columns)
        for row in 0..<count {
            for column in 0..<columns { sums[column] = 0 }
            for k in 0..<rows {
                let quantized = min(max((a[row * rows + k] / step).rounded(.toNearestOrEven) + zero, 0), 255)
                let factor = quantized.isNaN ? 0 : Int32(quantized - zero)
                if factor == 0 { continue }
                for column in 0..<columns { sums[column] &+= factor &* values[k * columns + column] }
            }
            for column in 0..<columns { result[row * columns + column] = Float(sums[column]) * (step * scale[column]) }
        }
        return result
    }
}
