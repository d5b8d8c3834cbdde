import FerryEngine
import FerryRuntime

extension Graph {
    /// The directions joined by the rule of old that put out their last output again at masked steps, where today's Keras
    /// puts out zeros, and whose masked steps can be seen in what the model gives.
    func bidirectionalsOfOldThatShowMaskedSteps() -> [(layer: Layer, error: FerryError)] {
        let suspects = nodes.filter { node in
            let both = layer(of: node).operation as? Bidirectional
            let carries = node.inputs.first?.map(carriesMask) == true
            let isMasked = node.mask.value != nil || node.mask == .carried && carries
            return isMasked && both?.repeatsOutputAtMaskedSteps == true
        }
        guard !suspects.isEmpty else { return [] }
        let shown = valuesThatShowMaskedSteps()
        return suspects.filter { shown.contains($0.outputs[0]) }.map { node in
            let error = FerryError(
                .unsupported,
                found:
                    "gives its last output again at masked steps, and these come out of the model; today's Keras gives zeros there",
                remedy: "write ONNX instead")
            return (layer(of: node), error)
        }
    }

    /// The values whose masked steps an output of the graph can depend on.
    private func valuesThatShowMaskedSteps() -> Set<ValueID> {
        var shown = Set(outputs)
        for node in nodes.reversed() {
            let operation = layer(of: node).operation
            let skipsThem = operation is any RecurrentOperator || operation is Bidirectional
            let keepsThemApart = operation.timeLocality == .perStep && operation.arity == 1...1
            for (slot, input) in node.inputs.enumerated() {
                guard let input, !(skipsThem && slot == 0 && node.mask == .carried) else { continue }
                if !keepsThemApart || node.outputs.contains(where: shown.contains) { shown.insert(input) }
            }
            if let mask = node.mask.value { shown.insert(mask) }
        }
        return shown
    }
}

extension Bidirectional {
    fileprivate var repeatsOutputAtMaskedSteps: Bool {
        forward.options.returnSequences && !forward.options.zeroOutputForMask
    }
}
