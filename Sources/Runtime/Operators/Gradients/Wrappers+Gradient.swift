public import FerryEngine

/// The pullbacks of the layers inside a wrapper, and what its own backward pass needs beside them.
public struct WrapperCache {
    let pullbacks: [Pullback]
    /// The outputs of the inner layers.
    var outputs: [Tensor] = []
    /// The shapes of the inputs.
    var shapes: [[Int]] = []
    /// What activity regularizers add to the gradients of the outputs of each inner layer.
    var penalties: [[Tensor?]] = []
}

extension Bidirectional: TrainableOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: WrapperCache) {
        let (forwardInputs, backwardInputs) = directions(inputs)
        let (there, forwardPullback) = try pass.inside("forward") {
            try forward.pullback(forwardInputs, parameters.scoped(to: "forward"), &$0)
        }
        var (back, backwardPullback) = try pass.inside("backward") {
            try backward.pullback(backwardInputs, parameters.scoped(to: "backward"), &$0)
        }
        back[0].tensor = turned(back[0].tensor)
        let penalties = [(there, activityRegularizers.forward), (back, activityRegularizers.backward)].map {
            outputs, rule in
            outputs.map { output in rule?.activityPenalty(output.tensor, &pass) }
        }
        let cache = WrapperCache(
            pullbacks: [forwardPullback, backwardPullback], outputs: [there[0].tensor, back[0].tensor],
            penalties: penalties)
        return (joined(there, back), cache)
    }

    public func backward(_ outputs: [Tensor?], _ cache: WrapperCache, _ parameters: ParameterSet) throws -> Gradients {
        let (a, b) = (cache.outputs[0], cache.outputs[1])
        let (dThere, dBack) = merge == nil ? (outputs[0], outputs[1]) : split(outputs[0], a, b)
        let states = outputs.dropFirst(merge == nil ? 2 : 1)
        let forwardStates = states.prefix(forward.options.returnState ? forward.stateSizes.count : 0)
        let there = try cache.pullbacks[0](Self.sums([dThere] + forwardStates, cache.penalties[0]))
        var backOutputs = Self.sums([dBack] + states.dropFirst(forwardStates.count), cache.penalties[1])
        backOutputs[0] = backOutputs[0].map(turned)
        let back = try cache.pullbacks[1](backOutputs)
        var gradients = ParameterSet()
        gradients.merge(there.parameters, scope: "forward")
        gradients.merge(back.parameters, scope: "backward")
        return Gradients(
            inputs: [.sum(there.inputs[0], back.inputs[0])] + there.inputs.dropFirst() + back.inputs.dropFirst(),
            parameters: gradients)
    }

    private static func sums(_ outputs: [Tensor?], _ penalties: [Tensor?]) -> [Tensor?] {
        outputs.indices.map { .sum(outputs[$0], $0 < penalties.count ? penalties[$0] : nil) }
    }

    /// The gradients of the two directions' outputs a and b from that of the merged one.
    private func split(_ dy: Tensor?, _ a: Tensor, _ b: Tensor) -> (Tensor?, Tensor?) {
        guard let dy, let merge else { return (nil, nil) }
        switch merge {
        case .concatenate:
            let axis = a.rank - 1
            let parts = dy.split(axis: axis, lengths: [a.shape[axis], b.shape[axis]])
            return (parts[0], parts[1])
        case .sum: return (dy, dy)
        case .multiply: return (dy * b, dy * a)
        case .average:
            let half = dy.scaled(by: 0.5)
            return (half, half)
        }
    }
}

extension TimeDistributed: TrainableOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: WrapperCache) {
        let x = inputs[0].tensor
        let (batch, time) = (x.shape[0], x.shape[1])
        let rows = inputs.map { Signal($0.tensor.reshaped([batch * time] + $0.tensor.shape.dropFirst(2))) }
        let (outputs, pullback) = try pass.scoped("layer") {
            try layer.pullback(rows, parameters.scoped(to: "layer"), &$0)
        }
        let sequences = outputs.map { output in
            Signal(
                output.tensor.reshaped([batch, time] + output.tensor.shape.dropFirst()), mask: inputs[0].mask)
        }
        return (sequences, WrapperCache(pullbacks: [pullback], shapes: inputs.present.map(\.tensor.shape)))
    }

    public func backward(_ outputs: [Tensor?], _ cache: WrapperCache, _ parameters: ParameterSet) throws -> Gradients {
        let rows = outputs.map { $0.map { $0.reshaped([$0.shape[0] * $0.shape[1]] + $0.shape.dropFirst(2)) } }
        let inner = try cache.pullbacks[0](rows)
        var gradients = ParameterSet()
        gradients.merge(inner.parameters, scope: "layer")
        let inputs = zip(inner.inputs, cache.shapes).map { gradient, shape in gradient?.reshaped(shape) }
        return Gradients(inputs: inputs, parameters: gradients)
    }
}

extension GatedLinearUnit: TrainableOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: WrapperCache) {
        let inner = try layer?.pullback(inputs, parameters, &pass)
        let signal = inner?.0[0] ?? inputs[0]
        let x = signal.tensor.cast(to: .float32)
        let half = x.shape[x.rank - 1] / 2
        let halves = x.split(axis: x.rank - 1, lengths: [half, half])
        let gate = try ActivationFunction.sigmoid(halves[1])
        let cache = WrapperCache(pullbacks: (inner?.1).map { [$0] } ?? [], outputs: [halves[0], gate])
        return ([Signal(halves[0] * gate, mask: signal.mask)], cache)
    }

    public func backward(_ outputs: [Tensor?], _ cache: WrapperCache, _ parameters: ParameterSet) throws -> Gradients {
        guard let dy = outputs[0] else { return Gradients(inputs: [nil]) }
        let (a, gate) = (cache.outputs[0], cache.outputs[1])
        let slope = gate.map { (s: Float) in s * (1 - s) }
        let dx = Tensor.concatenated([dy * gate, dy * a * slope], axis: dy.rank - 1)
        return try cache.pullbacks.first?([dx]) ?? Gradients(inputs: [dx])
    }
}

extension Submodel: TrainableOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: GraphTape) {
        let tape = try GraphTape(graph, inputs, parameters, &pass)
        return (tape.outputs, tape)
    }

    public func backward(_ outputs: [Tensor?], _ cache: GraphTape, _ parameters: ParameterSet) throws -> Gradients {
        try cache.backward(outputs)
    }
}
