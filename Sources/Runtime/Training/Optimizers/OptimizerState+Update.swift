import FerryEngine
import OrderedCollections

extension Optimizer {
    /// The state at the beginning, with slots for each of `parameters`.
    func initialState(for parameters: ParameterSet) -> OptimizerState {
        let learningRate: Float? = if case .constant(let rate) = settings.learningRate { rate } else { nil }
        var state = OptimizerState(optimizer: kind, learningRate: learningRate)
        for (name, value) in initialScalars { state.scalars[name] = value }
        complete(&state, for: parameters)
        return state
    }

    /// Adds the slots that `state` lacks.
    func complete(_ state: inout OptimizerState, for parameters: ParameterSet) {
        let average = settings.usesMovingAverage ? ["average"] : []
        for slot in average + slotNames {
            var tensors = state.slots[slot] ?? ParameterSet()
            for name in parameters.names where tensors[name]?.shape != parameters[name]?.shape {
                tensors[name] = parameters[name].map {
                    filled($0.shape, slot == "average" ? 0 : initialValue(ofSlot: slot))
                }
            }
            state.slots[slot] = tensors
        }
    }

    private func filled(_ shape: [Int], _ value: Float) -> Tensor {
        value == 0 ? Tensor(zeros: shape) : Tensor([Float](repeating: value, count: shape.product), shape: shape)
    }

    /// One update of all parameters that have a gradient, in Keras's order: clip, decay, update, constrain, average.
    func apply(
        _ gradients: ParameterSet, to parameters: inout ParameterSet, _ state: inout OptimizerState,
        constraints: [String: Constraint]
    ) {
        let gradients = clipped(gradients)
        let rate = state.learningRate ?? settings.learningRate.value(at: state.iteration)
        var step = UpdateStep(iteration: state.iteration, learningRate: rate)
        for (name, value) in state.scalars { step.scalars[name] = value }
        begin(&step)
        for (name, value) in step.scalars { state.scalars[name] = value }
        for name in gradients.names {
            guard let gradient = gradients[name] else { continue }
            if let decay = settings.weightDecay {
                let factor = Float(decay)
                parameters.change(name) { weights in
                    for i in 0..<weights.count { weights[i] -= weights[i] * factor * rate }
                }
            }
            update(name, gradient, &parameters, &state, step)
            if let constraint = constraints[name], let tensor = parameters[name] {
                parameters[name] = constraint.project(tensor)
            }
        }
        state.iteration += 1
        average(&parameters, &state)
    }

    private func update(
        _ name: String, _ gradient: Tensor, _ parameters: inout ParameterSet, _ state: inout OptimizerState,
        _ step: UpdateStep
    ) {
        // Taken out of the state, so that each is uniquely referenced and changes in place.
        var slots = slotNames.map { state.slots[$0]?.remove(name) ?? Tensor(zeros: gradient.shape) }
        let pointers = slots.indices.map { i in
            slots[i].withUnsafeMutableElements { (slot: UnsafeMutableBufferPointer<Float>) in slot.baseAddress }
        }
        gradient.withUnsafeElements { (gradient: UnsafeBufferPointer<Float>) in
            parameters.change(name) { weights in
                guard let gradient = gradient.baseAddress, let base = weights.baseAddress else { return }
                update(
                    ParameterUpdate(
                        weights: base, gradient: gradient, slots: pointers.compactMap { $0 }, count: weights.count),
                    step)
            }
        }
        for (slot, tensor) in zip(slotNames, slots) { state.slots[slot]?.put(tensor, at: name) }
    }

    private func clipped(_ gradients: ParameterSet) -> ParameterSet {
        if let limit = settings.clipNorm, limit > 0 {
            return gradients.mapTensors { $0.scaled(toLength: limit, of: $0.squaredLength.squareRoot()) }
        }
        if let limit = settings.globalClipNorm, limit > 0 {
            let length = gradients.names.reduce(0.0) { $0 + (gradients[$1]?.squaredLength ?? 0) }.squareRoot()
            return gradients.mapTensors { $0.scaled(toLength: limit, of: length) }
        }
        if let limit = settings.clipValue, limit > 0 {
            let bound = Float(limit)
            return gradients.mapTensors { $0.map { (g: Float) in min(max(g, -bound), bound) } }
        }
        return gradients
    }

    /// Moves the average towards the parameters, and puts it in their place where its time has come.
    private func average(_ parameters: inout ParameterSet, _ state: inout OptimizerState) {
        guard settings.usesMovingAverage, var averages = state.slots["average"] else { return }
        let momentum = state.iteration == 1 ? 0 : Float(settings.averageMomentum)
        let overwrites = settings.averageOverwriteFrequency.map { $0 > 0 && state.iteration % $0 == 0 } ?? false
        for name in averages.names {
            guard let average = averages[name], let weights = parameters[name] else { continue }
            let moved = average.scaled(by: momentum) + weights.scaled(by: 1 - momentum)
            averages[name] = moved
            if overwrites { parameters[name] = moved }
        }
        state.slots["average"] = averages
    }
}

extension Tensor {
    /// The sum of squares of the elements.
    fileprivate var squaredLength: Double {
        withUnsafeElements { (x: UnsafeBufferPointer<Float>) in x.reduce(0) { $0 + Double($1) * Double($1) } }
    }

    /// This tensor, made shorter where `length` is beyond `limit`.
    fileprivate func scaled(toLength limit: Double, of length: Double) -> Tensor {
        length > limit ? scaled(by: Float(limit / length)) : length.isNaN ? scaled(by: .nan) : self
    }
}
