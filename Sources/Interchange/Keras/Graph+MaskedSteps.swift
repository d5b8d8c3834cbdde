import FerryEngine
import FerryRuntime

extension Graph {
    /// The directions joined by the rule of old that put out their last output again at masked steps, where today's Keras
    /// puts out zeros, and whose masked steps can be seen in what the model gives.
    func bidirectionalsOfOldThatShowMaskedSteps() -> [(layer: Layer, error: FerryError)] {
        nodes.compactMap { node in
            let layer = layer(of: node)
            guard let both = layer.operation as? Bidirectional, both.repeatsOutputAtMaskedSteps,
                let input = node.inputs[0], node.mask.value != nil || node.mask == .carried && carriesMask(input),
                showsMaskedSteps(of: node.outputs[0])
            else { return nil }
            let error = FerryError(
                .unsupported,
                found:
                    "gives its last output again at masked steps, and these come out of the model; today's Keras gives zeros there",
                remedy: "write ONNX instead")
            return (layer, error)
        }
    }

    /// Whether an output of the graph can depend on what a sequence holds at its masked steps.
    private func showsMaskedSteps(of value: ValueID) -> Bool {
        if outputs.contains(value) { return true }
        return nodes.contains { node in
            guard node.inputs.contains(value) || node.mask.value == value else { return false }
            let operation = layer(of: node).operation
            let skipsThem = operation is any RecurrentOperator || operation is Bidirectional
            if skipsThem && node.inputs[0] == value && node.mask == .carried { return false }
            guard operation.timeLocality == .perStep, operation.arity == 1...1 else { return true }
            return showsMaskedSteps(of: node.outputs[0])
        }
    }
}

extension Bidirectional {
    fileprivate var repeatsOutputAtMaskedSteps: Bool {
        forward.options.returnSequences && !forward.options.zeroOutputForMask
    }
}
