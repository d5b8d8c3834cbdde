public import FerryEngine

/// Lines brought to size, and how the input was turned into lines.
public struct LineCache {
    let lines: LineNormalization
    /// The order of the input's axes in which lines are contiguous.
    let order: [Int]
    /// The shape of the input in that order.
    let moved: [Int]

    /// The gradient of the input from that of the lines.
    func inputGradient(_ dy: Tensor) -> Tensor { lines.backward(dy).reshaped(moved).untransposed(order) }
}

extension LayerNormalization: TrainableOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: LineCache) {
        let x = inputs[0].tensor.cast(to: .float32)
        let axes = resolvedAxes(rank: x.rank)
        let order = (0..<x.rank).filter { !axes.contains($0) } + axes
        let moved = x.transposed(order)
        let length = axes.map { x.shape[$0] }.product
        let rows = moved.reshaped([length == 0 ? 0 : x.count / length, length])
        let lines = LineNormalization(
            rows, usesRootMeanSquare ? .rootMeanSquare(epsilon: epsilon) : .deviation(epsilon: epsilon))
        var y = lines.y
        if scale { y = y * (try parameters.required("gamma").reshaped([1, length])) }
        if hasBeta { y = y + (try parameters.required("beta").reshaped([1, length])) }
        return (
            [Signal(y.reshaped(moved.shape).untransposed(order), mask: inputs[0].mask)],
            LineCache(lines: lines, order: order, moved: moved.shape)
        )
    }

    public func backward(_ outputs: [Tensor?], _ cache: LineCache, _ parameters: ParameterSet) throws -> Gradients {
        guard let output = outputs[0] else { return Gradients(inputs: [nil]) }
        var dy = output.transposed(cache.order).reshaped(cache.lines.y.shape)
        var gradients = ParameterSet()
        if hasBeta {
            gradients["beta"] = dy.summedOverRows().reshaped(try parameters.required("beta").shape)
        }
        if scale {
            let gamma = try parameters.required("gamma")
            gradients["gamma"] = (dy * cache.lines.y).summedOverRows().reshaped(gamma.shape)
            dy = dy * gamma.reshaped([1, gamma.count])
        }
        return Gradients(inputs: [cache.inputGradient(dy)], parameters: gradients)
    }

    private var hasBeta: Bool { center && !usesRootMeanSquare }
}

extension GroupNormalization: TrainableOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: LineCache) {
        let x = inputs[0].tensor.cast(to: .float32)
        let axis = try checkedAxis(axis, rank: x.rank)
        let order = [0, axis] + (1..<x.rank).filter { $0 != axis }
        let moved = x.transposed(order)
        let count = x.shape[0] * (groups == -1 ? x.shape[axis] : groups)
        let lines = LineNormalization(
            moved.reshaped([count, count == 0 ? 0 : x.count / count]), .deviation(epsilon: epsilon))
        return (
            try plain(inputs, parameters), LineCache(lines: lines, order: order, moved: moved.shape)
        )
    }

    public func backward(_ outputs: [Tensor?], _ cache: LineCache, _ parameters: ParameterSet) throws -> Gradients {
        guard let output = outputs[0] else { return Gradients(inputs: [nil]) }
        var dy = output.transposed(cache.order)
        let features = [cache.moved[1]] + Array(repeating: 1, count: cache.moved.count - 2)
        var gradients = ParameterSet()
        if scale {
            let gamma = try parameters.required("gamma")
            let products = dy * cache.lines.y.reshaped(cache.moved)
            gradients["gamma"] = products.summed(to: [1] + features).reshaped(gamma.shape)
            if center { gradients["beta"] = dy.summed(to: [1] + features).reshaped(gamma.shape) }
            dy = dy * gamma.reshaped(features)
        } else if center {
            gradients["beta"] = dy.summed(to: [1] + features).reshaped([cache.moved[1]])
        }
        return Gradients(inputs: [cache.inputGradient(dy.reshaped(cache.lines.y.shape))], parameters: gradients)
    }
}

extension UnitNormalization: TrainableOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: LineCache) {
        let cache = try LineCache(inputs[0].tensor, along: axes, .length(minimum: 1e-12))
        return (try plain(inputs, parameters), cache)
    }

    public func backward(_ outputs: [Tensor?], _ cache: LineCache, _ parameters: ParameterSet) throws -> Gradients {
        let dx = outputs[0].map { cache.inputGradient($0.transposed(cache.order).reshaped(cache.lines.y.shape)) }
        return Gradients(inputs: [dx])
    }
}

extension RMSNormalization: TrainableOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: LineCache) {
        let cache = try LineCache(inputs[0].tensor, along: axes, .rootMeanSquare(epsilon: epsilon))
        return (try plain(inputs, parameters), cache)
    }

    public func backward(_ outputs: [Tensor?], _ cache: LineCache, _ parameters: ParameterSet) throws -> Gradients {
        guard let output = outputs[0] else { return Gradients(inputs: [nil]) }
        let dy = output.transposed(cache.order).reshaped(cache.lines.y.shape)
        let scale = try parameters.required("scale")
        let gradient = (dy * cache.lines.y).summedOverRows().reshaped(scale.shape)
        return Gradients(
            inputs: [cache.inputGradient(dy * scale.reshaped([1, scale.count]))], parameters: ["scale": gradient])
    }
}

extension LineCache {
    /// The lines of x along `axes`, and their length.
    init(_ tensor: Tensor, along axes: [Int], _ divisor: LineNormalization.Divisor) throws {
        let x = tensor.cast(to: .float32)
        let joined = try checkedAxes(axes, rank: x.rank).sorted()
        let order = (0..<x.rank).filter { !joined.contains($0) } + joined
        let moved = x.transposed(order)
        let length = joined.map { x.shape[$0] }.product
        let rows = moved.reshaped([length == 0 ? 0 : x.count / length, length])
        self.init(lines: LineNormalization(rows, divisor), order: order, moved: moved.shape)
    }
}

extension Softmax: TrainableOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: Tensor) {
        let outputs = try plain(inputs, parameters)
        return (outputs, outputs[0].tensor)
    }

    /// y∘(dy − Σ dy∘y)
    public func backward(_ outputs: [Tensor?], _ cache: Tensor, _ parameters: ParameterSet) throws -> Gradients {
        guard let dy = outputs[0] else { return Gradients(inputs: [nil]) }
        let joined = try checkedAxes(axes, rank: dy.rank)
        let shape = dy.shape.indices.map { joined.contains($0) ? 1 : dy.shape[$0] }
        return Gradients(inputs: [cache * (dy - (dy * cache).summed(to: shape))])
    }
}

extension Rescaling: TrainableOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: Void) {
        (try plain(inputs, parameters), ())
    }

    public func backward(_ outputs: [Tensor?], _ cache: Void, _ parameters: ParameterSet) throws -> Gradients {
        Gradients(inputs: [outputs[0].map { $0 * scale }])
    }
}

extension Normalization: TrainableOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: [Int]) {
        (try plain(inputs, parameters), inputs[0].tensor.shape)
    }

    public func backward(_ outputs: [Tensor?], _ cache: [Int], _ parameters: ParameterSet) throws -> Gradients {
        guard let dy = outputs[0] else { return Gradients(inputs: [nil]) }
        let kept = try checkedAxes(axes, rank: cache.count)
        let variance = try statistics?.variance ?? parameters.required("variance")
        let factors = variance.map { (v: Float) in isInverse ? max(v.squareRoot(), 1e-7) : 1 / max(v.squareRoot(), 1e-7)
        }
        let shape = cache.indices.map { kept.contains($0) ? cache[$0] : 1 }
        let spread =
            factors.count == 1
            ? factors.reshaped([]) : factors.broadcast(to: kept.map { cache[$0] }).reshaped(shape)
        return Gradients(inputs: [dy * spread])
    }
}
