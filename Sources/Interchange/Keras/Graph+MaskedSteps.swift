import FerryEngine
import FerryRuntime

extension Graph {
    /// The layers of old whose masked steps are not what today's Keras makes of them, and can be seen in what the model
    /// gives.
    func layersOfOldThatShowMaskedSteps() -> [(layer: Layer, error: FerryError)] {
        let suspects = nodes.compactMap { node in difference(node).map { (node, $0) } }
        guard !suspects.isEmpty else { return [] }
        let shown = valuesThatShowMaskedSteps()
        return suspects.compactMap { node, found in
            guard layer(of: node).operation.givesLastOutputOnly || shown.contains(node.outputs[0]) else { return nil }
            return (layer(of: node), FerryError(.unsupported, found: found, remedy: "write ONNX instead"))
        }
    }

    /// What a call puts out at masked steps, where today's Keras puts out something else.
    private func difference(_ node: Node) -> String? {
        let operation = layer(of: node).operation
        let carries = node.inputs.first?.map(carriesMask) == true
        guard node.mask.value != nil || node.mask == .carried && carries else { return nil }
        if let both = operation as? Bidirectional, both.repeatsOutputAtMaskedSteps {
            return
                "gives its last output again at masked steps, and these come out of the model; today's Keras gives zeros there"
        }
        let options = (operation as? any RecurrentOperator)?.options ?? (operation as? Bidirectional)?.forward.options
        guard let options, options.beginsWithState, options.isStateful || node.inputs.count > 1 else { return nil }
        return "gives its initial state at masked steps before the first that counts; today's Keras gives zeros there"
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

extension Operator {
    /// Whether it is a recurrence of which only the last output comes out, which a row of masked steps alone shows.
    fileprivate var givesLastOutputOnly: Bool {
        (self as? any RecurrentOperator)?.options.returnSequences == false
            || (self as? Bidirectional)?.forward.options.returnSequences == false
    }
}

extension Bidirectional {
    fileprivate var repeatsOutputAtMaskedSteps: Bool {
        forward.options.returnSequences && !forward.options.zeroOutputForMask
    }
}
