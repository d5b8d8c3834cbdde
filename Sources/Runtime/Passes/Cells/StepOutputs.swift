import FerryEngine

/// The values that are a recurrent layer's outputs at single steps.
struct StepOutputs {
    /// For each step the values that are its output.
    private(set) var steps: [[Graph.ValueID]] = []
    /// Whether hidden steps put out zeros, and not what came out last.
    private(set) var hiddenAreZeros = false

    /// What steps put out; nil where that differs from step to step.
    init?(_ steps: [ChainStep], startsAtZero: Bool, _ tracer: ColumnTracer) {
        guard steps[0].mask != nil else {
            self.steps = steps.map { [$0.cell.newStates[0].value] }
            return
        }
        var last = Set<Columns>()
        var rules = Set<Bool>()
        for (place, step) in steps.enumerated() {
            let choices = tracer.choices(of: step.cell.newStates[0]).filter { $0.mask == step.mask }
            var outputs: [StepChoice] = []
            for choice in choices where choice.result != step.held.first {
                let isZero = tracer.draft.isZero(choice.other?.value)
                guard isZero || choice.other.map(last.contains) ?? false else { continue }
                if place > 0 { rules.insert(isZero) }
                outputs.append(choice)
            }
            last = Set(outputs.map(\.result))
            self.steps.append(last.map(\.value))
        }
        guard rules.count < 2 else { return nil }
        hiddenAreZeros = rules.first ?? false
        // Where states begin with zeros, the last output again is the state.
        if startsAtZero, !hiddenAreZeros {
            for (place, step) in steps.enumerated().dropLast() { self.steps[place].append(step.held[0].value) }
        }
    }
}
