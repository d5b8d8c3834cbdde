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
        let accumulator = settings.accumulatesGradients ? ["gradient_accumulator"] : []
        for slot in average + accumulator + slotNames {
            var tensors = state.slots[slot] ?? ParameterSet()
            for name in parameters.names where tensors[name]?.shape != parameters[name]?.shape {
                tensors[name] = parameters[name].map { initialTensor(slot, for: $0) }
            }
            state.slots[slot] = tensors
        }
        settings.lossScaling?.complete(&state)
    }

    private func initialTensor(_ slot: String, for parameter: Tensor) -> Tensor {
        if slot == "average", settings.followsKeras2 { return parameter }
        let value = slotNames.contains(slot) ? initialValue(ofSlot: slot) : 0
        guard value != 0 else { return Tensor(zeros: parameter.shape) }
        return Tensor([Float](repeating: value, count: parameter.count), shape: parameter.shape)
    }

    /// One update of all parameters that have a gradient, in Keras's order: clip, decay, update, average, constrain.
    func apply(
        _ gradients: Gradients, to parameters: inout ParameterSet, _ state: inout OptimizerState,
        constraints: [String: Constraint]
    ) {
        if let scaling = settings.lossScaling, !scaling.accepts(gradients.parameters, &state) { return }
        var gradients = gradients
        if settings.followsKeras2 { gradients.lookups = [:] }
        if let due = settings.accumulated(gradients, &state) { change(&parameters, by: due, &state) }
        average(&parameters, &state)
        for name in gradients.parameters.names {
            guard let constraint = constraints[name], let tensor = parameters[name] else { continue }
            parameters[name] = constraint.project(tensor)
        }
        state.iteration += 1
    }

    private func change(_ parameters: inout ParameterSet, by gradients: Gradients, _ state: inout OptimizerState) {
        let gradients = settings.clipped(gradients)
        let rate = state.learningRate ?? settings.learningRate.value(at: state.iteration)
        var step = UpdateStep(iteration: settings.updates(after: state.iteration), learningRate: rate)
        for (name, value) in state.scalars { step.scalars[name] = value }
        begin(&step)
        for (name, value) in step.scalars { state.scalars[name] = value }
        for name in gradients.parameters.names {
            guard let gradient = gradients.parameters[name] else { continue }
            if let decay = settings.weightDecay {
                let factor = Float(decay)
                parameters.change(name) { weights in
                    for i in 0..<weights.count { weights[i] -= weights[i] * factor * rate }
                }
            }
            update(name, gradient, gradients.lookups[name], &parameters, &state, step)
        }
    }

    private func update(
        _ name: String, _ gradient: Tensor, _ lookups: LookupGradient?, _ parameters: inout ParameterSet,
        _ state: inout OptimizerState, _ step: UpdateStep
    ) {
        // Taken out of the state, so that each is uniquely referenced and changes in place.
        var slots = slotNames.map { state.slots[$0]?.remove(name) ?? Tensor(zeros: gradient.shape) }
        let pointers = slots.indices.map { i in
            slots[i].withUnsafeMutableElements { (slot: UnsafeMutableBufferPointer<Float>) in slot.baseAddress }
        }
        let squares = lookups.map { FloatBuffer($0.summed(gradient.shape) { $0 * $0 }) }
        let magnitudes = lookups.map { FloatBuffer($0.summed(gradient.shape) { abs($0) }) }
        gradient.withUnsafeElements { (gradient: UnsafeBufferPointer<Float>) in
            parameters.change(name) { weights in
                guard let gradient = gradient.baseAddress, let base = weights.baseAddress else { return }
                var change = ParameterUpdate(
                    weights: base, gradient: gradient, slots: pointers.compactMap { $0 }, count: weights.count)
                change.squares = squares.map { UnsafePointer($0.base) }
                change.magnitudes = magnitudes.map { UnsafePointer($0.base) }
                withExtendedLifetime((squares, magnitudes)) { update(change, step) }
            }
        }
        for (slot, tensor) in zip(slotNames, slots) { state.slots[slot]?.put(tensor, at: name) }
    }

    /// Moves the average towards the parameters, and puts it in their place where its time has come.
    private func average(_ parameters: inout ParameterSet, _ state: inout OptimizerState) {
        guard settings.usesMovingAverage, var averages = state.slots["average"] else { return }
        let updates = settings.updates(after: state.iteration)
        let momentum = updates == 0 && !settings.followsKeras2 ? 0 : Float(settings.averageMomentum)
        let overwrites = settings.averageOverwriteFrequency.map { $0 > 0 && (updates + 1) % $0 == 0 } ?? false
        for name in averages.names {
            guard let average = averages[name], let weights = parameters[name] else { continue }
            let moved = average.scaled(by: momentum) + weights.scaled(by: 1 - momentum)
            averages[name] = moved
            if overwrites { parameters[name] = moved }
        }
        state.slots["average"] = averages
    }
}
