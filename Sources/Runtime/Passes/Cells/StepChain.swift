import FerryEngine

/// Steps of one cell, each with the states that the one before leaves.
struct StepChain {
    private let tracer: ColumnTracer
    private var steps: [ChainStep]
    private var draft: GraphDraft { tracer.draft }

    /// A chain that begins with a step; nil where masks hide only some of its states.
    init?(_ first: CellMatch, _ tracer: ColumnTracer) {
        guard let step = ChainStep(first, tracer) else { return nil }
        steps = [step]
        self.tracer = tracer
    }

    /// Adds the steps that follow in the nodes behind `index`.
    mutating func extend(from index: Int) {
        for node in draft.nodes[(index + 1)...] {
            guard let last = steps.last, !last.held.isEmpty, node.outputs.count == 1,
                let output = tracer.all(node.outputs[0]),
                let cell = CellMatcher(tracer: tracer, isState: { $0 == last.held[0] }).match(output),
                cell.states == last.held, cell.isSameCell(as: last.cell), let next = ChainStep(cell, tracer),
                (next.mask == nil) == (last.mask == nil)
            else { continue }
            steps.append(next)
        }
    }

    /// Puts the layer in place of the steps; whether there are enough of them to be sure, and all that reads them reads
    /// outputs or last states of the layer.
    func replace(in draft: inout GraphDraft) throws -> Bool {
        guard let sequence = StepSequence(steps.map(\.cell.input), draft) else { return false }
        // The first step may have lost its states because they are zeros.
        var all = steps
        let before = try stepFromZero(sequence)
        if let before { all.insert(before, at: 0) }
        guard all.count > 1, let source = StepSequence(all.map(\.cell.input), draft), isIndependent(all),
            let outputs = StepOutputs(all, startsAtZero: before != nil, tracer)
        else { return false }

        var attempt = draft
        var nodes: [GraphDraft.Node] = []
        let name = draft.nodes[draft.producer(of: all[0].cell.newStates[0].value) ?? 0].layer.name
        let x = try source.value(&nodes, name, in: &attempt)
        var layer = all[0].cell.layer
        layer.options.returnSequences = true
        layer.options.returnState = true
        layer.options.timeMajor = source.axis == 0
        layer.options.goBackwards = source.isDescending
        layer.options.zeroOutputForMask = outputs.hiddenAreZeros
        let states = before == nil ? steps[0].cell.states.map(\.value) : []
        var node = try attempt.makeNode(name, layer, [x] + states, parameters: steps[0].cell.parameters)
        if all[0].mask != nil {
            guard let mask = try maskValue(all, like: source, &nodes, name, in: &attempt) else { return false }
            node.mask = .given(mask)
            attempt.dropCarriedMasks()
        }
        nodes.append(node)
        for (place, values) in outputs.steps.enumerated() where !values.isEmpty {
            // A layer that goes backwards puts its steps out in the order in which it takes them.
            let index = attempt.addConstant("\(name)/step", Tensor(scalar: Int64(place)))
            nodes.append(try attempt.makeNode("\(name)/Step", Gather(axis: source.axis), [node.outputs[0], index]))
            for value in values { attempt.redirect(value, to: nodes[nodes.count - 1].outputs[0]) }
        }
        for (state, output) in zip(all[all.count - 1].held, node.outputs.dropFirst()) {
            attempt.redirect(state.value, to: output)
        }
        attempt.insert(nodes)
        attempt.removeDeadNodes()
        // What still reads a step needs what the layer does not put out.
        guard all.allSatisfy({ attempt.producer(of: $0.cell.newStates[0].value) == nil }) else { return false }
        draft = attempt
        return true
    }

    /// Whether a choice lies between two values, which a trial with a few numbers might not notice.
    private func chooses(_ value: Graph.ValueID, after first: Graph.ValueID) -> Bool {
        var seen: Set = [first]
        var waiting = [value]
        while let value = waiting.popLast() {
            guard seen.insert(value).inserted, let index = draft.producer(of: value) else { continue }
            if draft.nodes[index].layer.operation is Choice { return true }
            waiting.append(contentsOf: draft.nodes[index].inputs.compactMap { $0 })
        }
        return false
    }

    /// The masks of the steps with the axes of the input, [batch, time] or its swap.
    private func maskValue(
        _ steps: [ChainStep], like source: StepSequence, _ nodes: inout [GraphDraft.Node], _ name: String,
        in draft: inout GraphDraft
    ) throws -> Graph.ValueID? {
        guard let masks = StepSequence(steps.compactMap(\.mask), draft), masks.indices == source.indices else {
            return nil
        }
        let value = try masks.value(&nodes, name, in: &draft)
        guard draft.type(of: value).rank == 3 else { return nil }
        nodes.append(try draft.makeNode("\(name)/Mask", Squeeze([2]), [value]))
        if masks.axis != source.axis {
            nodes.append(try draft.makeNode("\(name)/Mask", Transpose([1, 0]), [nodes[nodes.count - 1].outputs[0]]))
        }
        return nodes[nodes.count - 1].outputs[0]
    }

    /// Whether no input of a step depends on an output of one.
    private func isIndependent(_ steps: [ChainStep]) -> Bool {
        let outputs = Set(steps.map { $0.cell.newStates[0].value })
        var seen = Set<Graph.ValueID>()
        func depends(_ value: Graph.ValueID) -> Bool {
            if outputs.contains(value) { return true }
            guard seen.insert(value).inserted, let index = draft.producer(of: value) else { return false }
            return draft.nodes[index].inputs.compactMap { $0 }.contains(where: depends)
        }
        return !steps.contains { depends($0.cell.input.value) }
    }

    /// The step before the first one, where it is the same cell with states of zeros; found out by trying.
    private func stepFromZero(_ sequence: StepSequence) throws -> ChainStep? {
        guard let indices = sequence.indices else { return nil }
        // A single step leaves open in which direction the chain goes.
        let directions = indices.count == 1 ? [-1, 1] : [sequence.isDescending ? 1 : -1]
        for direction in directions {
            if let step = try stepFromZero(at: indices[0] + direction, sequence) { return step }
        }
        return nil
    }

    private func stepFromZero(at index: Int, _ sequence: StepSequence) throws -> ChainStep? {
        guard case .elements(let value, let axis, _, let range) = sequence.kind, index >= 0,
            draft.type(of: value).shape[axis].length.map({ index < $0 }) ?? true,
            let before = ChainStep(fromZero: steps[0], tracer)
        else { return nil }
        let results = before.cell.newStates.map(\.value)
        guard results.allSatisfy({ draft.producer(of: $0) != nil && !chooses($0, after: value) }) else { return nil }
        let (graph, parameters) = try draft.part(computing: [value] + results)
        var random = RandomSource(seed: 11)
        let inputs = graph.inputs.map { input -> Tensor in
            let type = graph.type(of: input)
            let lengths = type.shape.enumerated().map { $1.length ?? ($0 == 0 ? 2 : 5) }
            return type.dtype == .float32
                ? random.uniform(lengths, in: -1..<1)
                : Tensor([Int64](repeating: 1, count: lengths.product), shape: lengths).cast(to: type.dtype)
        }
        var state = LayerState()
        guard let computed = try? graph.evaluate(inputs, parameters, &state), computed.count == 1 + results.count,
            computed[0].rank == 3, index < computed[0].shape[axis]
        else { return nil }
        let x = computed[0].sliced(axis: axis, from: index, count: 1).sliced(
            axis: 2, from: range.lowerBound, count: range.count)
        let batch = computed[0].shape[1 - axis]
        let cell = try steps[0].cell.layer.cell(steps[0].cell.parameters)
        let step = try cell.step(
            x.reshaped([batch, range.count]), cell.stateShapes(batch: batch).map { Tensor(zeros: $0) })
        for (expected, found) in zip(step.states, computed.dropFirst()) {
            guard expected.shape == found.shape,
                zip(expected.floats, found.floats).allSatisfy({ abs($0 - $1) <= 1e-5 * max(1, abs($0)) })
            else { return nil }
        }
        var complete = before
        complete.cell.input = Columns(value: value, step: .init(axis: axis, index: .fixed(index)), range: range)
        return complete
    }
}
