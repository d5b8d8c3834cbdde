import FerryEngine

/// One step of a recurrence that is written out.
struct ChainStep {
    var cell: CellMatch
    /// Where the step counts, [batch, 1]; nil where it always does.
    var mask: Columns?
    /// The states that the next step gets: the cell's, or where the step is hidden those before it; none where nobody
    /// reads them.
    var held: [Columns]

    /// A cell and the mask that hides it; nil where a mask is not the same for all states.
    init?(_ cell: CellMatch, _ tracer: ColumnTracer) {
        self.cell = cell
        held = cell.newStates
        let choices = cell.newStates.map(tracer.choices)
        guard !choices[0].isEmpty else { return }
        let states = zip(cell.states, choices).compactMap { old, choices in choices.first { $0.other == old } }
        // Of the last step only the output may be left.
        let isComplete = states.count == cell.states.count
        let masks = Set((isComplete ? states : choices[0]).map(\.mask))
        guard masks.count == 1, isComplete || states.isEmpty else { return nil }
        mask = masks.first
        held = isComplete ? states.map(\.result) : []
    }

    /// The step that leaves the states with which `next` begins, from states of zeros; its input is not known yet.
    init?(fromZero next: ChainStep, _ tracer: ColumnTracer) {
        cell = next.cell
        cell.states = []
        held = next.cell.states
        cell.newStates = held
        guard next.mask != nil else { return }
        let choices = held.compactMap { state -> StepChoice? in
            guard let choice = tracer.choice(state), tracer.draft.isZero(choice.other?.value) else { return nil }
            return choice
        }
        guard choices.count == held.count, Set(choices.map(\.mask)).count == 1 else { return nil }
        mask = choices[0].mask
        cell.newStates = choices.map(\.value)
    }
}

/// A choice between what a step computes and something else.
struct StepChoice {
    /// Where the step counts, [batch, 1].
    var mask: Columns
    /// What the step computes.
    var value: Columns
    /// What is taken where the step is hidden.
    var other: Columns?
    var result: Columns
}

extension ColumnTracer {
    /// The choice that some features are.
    func choice(_ columns: Columns) -> StepChoice? {
        guard let (index, _) = draft.producer(of: columns.value, Choice.self), columns.step == nil else { return nil }
        let inputs = draft.nodes[index].inputs
        guard let condition = inputs[0].map({ LiftChoice.spread($0, draft) }), draft.type(of: condition).rank == 2,
            draft.type(of: condition).shape[1] == .fixed(1), let value = inputs[1].flatMap(all), let other = inputs[2]
        else { return nil }
        let mask = source(of: Columns(value: condition, step: nil, range: 0..<1))
        return StepChoice(mask: mask, value: source(of: value), other: all(other).map(source), result: columns)
    }

    /// The choices between all features of a value and something else.
    func choices(of columns: Columns) -> [StepChoice] {
        Set(draft.readers(of: columns.value)).sorted().compactMap { reader in
            guard draft.nodes[reader].layer.operation is Choice, let result = all(draft.nodes[reader].outputs[0]),
                let choice = choice(result), choice.value == columns
            else { return nil }
            return choice
        }
    }
}
