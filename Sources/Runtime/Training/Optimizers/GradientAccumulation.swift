import FerryEngine
import OrderedCollections

extension OptimizerSettings {
    /// Whether several batches make one update.
    var accumulatesGradients: Bool { (accumulationSteps ?? 1) > 1 }

    /// How many updates were made in so many batches.
    func updates(after batches: Int) -> Int { batches / max(accumulationSteps ?? 1, 1) }

    /// The gradients to update with now: those of this batch, or the mean of those that were kept; nil where they are
    /// only kept (Keras `gradient_accumulation_steps`).
    func accumulated(_ gradients: Gradients, _ state: inout OptimizerState) -> Gradients? {
        guard accumulatesGradients, let steps = accumulationSteps, var kept = state.slots["gradient_accumulator"] else {
            return gradients
        }
        let isDue = (state.iteration + 1) % steps == 0
        var mean = Gradients(inputs: [])
        for name in gradients.parameters.names {
            guard let sum = Tensor.sum(gradients.parameters[name], kept[name]) else { continue }
            kept[name] = isDue ? Tensor(zeros: sum.shape) : sum
            if isDue { mean.parameters[name] = sum.map { (g: Float) in g / Float(steps) } }
        }
        state.slots["gradient_accumulator"] = kept
        return isDue ? mean : nil
    }
}
