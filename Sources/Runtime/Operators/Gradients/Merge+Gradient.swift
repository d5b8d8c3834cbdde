public import FerryEngine

extension Merge: TrainableOperator {
    public var untrainableReason: String? { nil }

    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: (inputs: [Signal], output: Tensor)) {
        let outputs = try plain(inputs, parameters)
        return (outputs, (inputs.present, outputs[0].tensor))
    }

    public func backward(
        _ outputs: [Tensor?], _ cache: (inputs: [Signal], output: Tensor), _ parameters: ParameterSet
    ) throws -> Gradients {
        guard let dy = outputs[0] else { return Gradients(inputs: cache.inputs.map { _ in nil }) }
        let rank = cache.output.rank
        let tensors = cache.inputs.map { signal in
            let x = signal.tensor.cast(to: .float32)
            return x.reshaped(aligned(x.shape, rank: rank))
        }
        let stretched = try stretchedGradients(dy, tensors, cache)
        return Gradients(
            inputs: zip(stretched, zip(tensors, cache.inputs)).map { gradient, input in
                gradient.summed(to: input.0.shape).reshaped(input.1.tensor.shape)
            })
    }

    /// dL/dx for each input, as if it had the shape of the output.
    private func stretchedGradients(
        _ dy: Tensor, _ inputs: [Tensor], _ cache: (inputs: [Signal], output: Tensor)
    ) throws -> [Tensor] {
        switch function {
        case .add: return inputs.map { _ in dy }
        case .subtract: return [dy, dy.scaled(by: -1)]
        case .average: return inputs.map { _ in dy.scaled(by: 1 / Float(inputs.count)) }
        case .multiply:
            let factors = try shown(inputs, cache, hidden: 1)
            return try factors.indices.map { i in
                let others = factors.indices.filter { $0 != i }.reduce(dy) { $0 * factors[$1].values }
                return try others.combining(factors[i].shown) { (d: Float, shown: Float) in d * shown }
            }
        case .maximum, .minimum:
            return try extremumGradients(dy, try shown(inputs, cache, hidden: .nan), cache.output)
        }
    }

    /// Each input as the function saw it: at hidden steps `hidden` (Keras 3 leaves these out of `Multiply`, `Maximum`
    /// and `Minimum`), and where its own elements were seen.
    private func shown(
        _ inputs: [Tensor], _ cache: (inputs: [Signal], output: Tensor), hidden: Float
    ) throws -> [(values: Tensor, shown: Tensor)] {
        let usesMasks = maskMerge == .any && cache.inputs.contains { $0.mask != nil }
        return try zip(inputs, cache.inputs).map { x, signal in
            guard usesMasks, let mask = signal.mask else {
                return (x, Tensor([Float](repeating: 1, count: 1), shape: [1]))
            }
            let steps = mask.cast(to: .float32).reshaped(mask.shape + Array(repeating: 1, count: x.rank - mask.rank))
            return (try x.combining(steps) { (x: Float, shown: Float) in shown == 1 ? x : hidden }, steps)
        }
    }

    /// The gradient goes to the input that won; where several did, as `tf.maximum` folds from the left: half to each
    /// side of an equal pair.
    private func extremumGradients(
        _ dy: Tensor, _ inputs: [(values: Tensor, shown: Tensor)], _ output: Tensor
    ) throws -> [Tensor] {
        var shares = [[Float]](repeating: [], count: inputs.count)
        let lines = inputs.map { $0.values.broadcast(to: output.shape).elements(Float.self) }
        for i in 0..<output.count {
            var best = Float.nan
            var share = [Float](repeating: 0, count: inputs.count)
            for (k, line) in lines.enumerated() where !line[i].isNaN {
                if best.isNaN || (function == .maximum ? line[i] > best : line[i] < best) {
                    best = line[i]
                    share = share.map { _ in 0 }
                    share[k] = 1
                } else if line[i] == best {
                    share = share.map { $0 / 2 }
                    share[k] = 0.5
                }
            }
            for k in shares.indices { shares[k].append(share[k]) }
        }
        return shares.map { dy * Tensor($0, shape: output.shape) }
    }

    private func aligned(_ shape: [Int], rank: Int) -> [Int] {
        shape.prefix(1) + [Int](repeating: 1, count: rank - shape.count) + shape.dropFirst()
    }
}

extension Concatenate: TrainableOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: [Int]) {
        let axis = try checkedAxis(axis, rank: inputs[0].tensor.rank)
        return (try plain(inputs, parameters), inputs.present.map { $0.tensor.shape[axis] })
    }

    public func backward(_ outputs: [Tensor?], _ cache: [Int], _ parameters: ParameterSet) throws -> Gradients {
        guard let dy = outputs[0] else { return Gradients(inputs: cache.map { _ in nil }) }
        return Gradients(inputs: dy.split(axis: try checkedAxis(axis, rank: dy.rank), lengths: cache))
    }
}

extension Dot: TrainableOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: [Tensor]) {
        (try plain(inputs, parameters), inputs.present.map { $0.tensor.cast(to: .float32) })
    }

    public func backward(_ outputs: [Tensor?], _ cache: [Tensor], _ parameters: ParameterSet) throws -> Gradients {
        guard let dy = outputs[0] else { return Gradients(inputs: [nil, nil]) }
        let sides = try zip(cache, axes).map { try DotSide($0, axis: $1, normalizes: normalizes) }
        let (a, b) = (sides[0], sides[1])
        let products = dy.reshaped([a.lines.shape[0], a.lines.shape[1], b.lines.shape[1]])
        return Gradients(inputs: [
            a.gradient(try einsum("bij,bjk->bik", products, b.lines)),
            b.gradient(try einsum("bij,bik->bjk", products, a.lines)),
        ])
    }
}

/// One input of a ``Dot`` as [batch, lines, length of the axis].
private struct DotSide {
    let lines: Tensor
    private let order: [Int]
    private let moved: [Int]
    private let unit: LineNormalization?

    init(_ x: Tensor, axis: Int, normalizes: Bool) throws {
        let axis = try checkedAxis(axis, rank: x.rank)
        order = [0] + (1..<x.rank).filter { $0 != axis } + [axis]
        moved = order.map { x.shape[$0] }
        let plain = x.transposed(order).reshaped([x.shape[0], moved.dropFirst().dropLast().reduce(1, *), x.shape[axis]])
        unit = normalizes ? LineNormalization(plain, .length(minimum: 1e-12)) : nil
        lines = unit?.y ?? plain
    }

    /// dL/dx from that of the lines.
    func gradient(_ lines: Tensor) -> Tensor {
        (unit?.backward(lines) ?? lines).reshaped(moved).untransposed(order)
    }
}
