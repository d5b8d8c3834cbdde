import FerryEngine

/// Steps of a recurrent cell that are written out one after another are a recurrent layer.
enum LiftUnrolled: Pass {
    static let summary = "recognise steps of a recurrent cell that are written out as recurrent layers"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let tracer = ColumnTracer(draft: draft)
        guard let output = tracer.all(draft.nodes[index].outputs[0]),
            let match = CellMatcher(tracer: tracer, isState: { $0.step == nil }).match(output)
        else { return false }
        let sources = [match.states[0], match.input]
        for state in sources {
            guard let first = CellMatcher(tracer: tracer, isState: { $0 == state }).match(output),
                first.states[0] == state
            else { continue }
            var chain = StepChain(first, tracer)
            chain.extend(from: index)
            if try chain.replace(in: &draft) { return true }
        }
        return false
    }
}

/// Steps of one cell, each with the states that the one before leaves.
private struct StepChain {
    private let tracer: ColumnTracer
    private var steps: [CellMatch]
    private var draft: GraphDraft { tracer.draft }

    init(_ first: CellMatch, _ tracer: ColumnTracer) {
        steps = [first]
        self.tracer = tracer
    }

    /// Adds the steps that follow in the nodes behind `index`.
    mutating func extend(from index: Int) {
        for node in draft.nodes[(index + 1)...] {
            guard let last = steps.last, node.outputs.count == 1, let output = tracer.all(node.outputs[0]),
                let next = CellMatcher(tracer: tracer, isState: { $0 == last.newStates[0] }).match(output),
                next.states == last.newStates, next.isSameCell(as: last)
            else { continue }
            steps.append(next)
        }
    }

    /// Puts the layer in place of the steps; whether there are enough of them to be sure.
    func replace(in draft: inout GraphDraft) throws -> Bool {
        guard let sequence = try sequence(steps) else { return false }
        // The first step may have lost its states because they are zeros.
        let initial = steps[0].states.map(\.value)
        var all = steps
        var startsAtZero = false
        if let before = try stepFromZero(sequence) {
            all.insert(before, at: 0)
            startsAtZero = true
        }
        guard all.count > 1, let source = try self.sequence(all), isIndependent(all) else { return false }

        var nodes: [GraphDraft.Node] = []
        let name = draft.nodes[draft.producer(of: all[0].newStates[0].value) ?? 0].layer.name
        let x = try source.value(&nodes, name, in: &draft)
        var layer = all[0].layer
        layer.options.returnSequences = true
        layer.options.returnState = true
        layer.options.timeMajor = source.axis == 0
        layer.options.goBackwards = source.isDescending
        let states = startsAtZero ? [] : initial
        let node = try draft.makeNode(name, layer, [x] + states, parameters: steps[0].parameters)
        nodes.append(node)
        let last = all[all.count - 1]
        let isLastOnly = all.dropLast().allSatisfy { step in
            isInner(step.newStates[0].value, all)
        }
        for (place, step) in all.enumerated() {
            let output = step.newStates[0].value
            if place == all.count - 1 && isLastOnly { continue }
            let index = draft.addConstant("\(name)/step", Tensor(scalar: Int64(place)))
            let pick = try draft.makeNode("\(name)/Step", Gather(axis: source.axis), [node.outputs[0], index])
            nodes.append(pick)
            draft.redirect(output, to: pick.outputs[0])
        }
        if isLastOnly { draft.redirect(last.newStates[0].value, to: node.outputs[1]) }
        if last.newStates.count > 1 { draft.redirect(last.newStates[1].value, to: node.outputs[2]) }
        draft.insert(nodes)
        return true
    }

    /// Whether only the step that follows reads an output.
    private func isInner(_ value: Graph.ValueID, _ steps: [CellMatch]) -> Bool {
        guard !draft.isOutput(value), let next = steps.firstIndex(where: { $0.states.first?.value == value }) else {
            return false
        }
        let results = steps[next].newStates.map(\.value)
        return draft.readers(of: value).allSatisfy { leads(from: $0, onlyTo: Set(results)) }
    }

    private func leads(from index: Int, onlyTo results: Set<Graph.ValueID>) -> Bool {
        draft.nodes[index].outputs.allSatisfy { output in
            results.contains(output)
                || !draft.isOutput(output) && draft.readers(of: output).allSatisfy { leads(from: $0, onlyTo: results) }
        }
    }

    /// Whether no input of a step depends on an output of one.
    private func isIndependent(_ steps: [CellMatch]) -> Bool {
        let outputs = Set(steps.map { $0.newStates[0].value })
        var seen = Set<Graph.ValueID>()
        func depends(_ value: Graph.ValueID) -> Bool {
            if outputs.contains(value) { return true }
            guard seen.insert(value).inserted, let index = draft.producer(of: value) else { return false }
            return draft.nodes[index].inputs.compactMap { $0 }.contains(where: depends)
        }
        return !steps.contains { depends($0.input.value) }
    }

    /// Where the inputs of the steps are one after another.
    private func sequence(_ steps: [CellMatch]) throws -> StepSequence? {
        StepSequence(steps.map(\.input), draft)
    }

    /// The step before the first one, where it is the same cell with states of zeros; found out by trying.
    private func stepFromZero(_ sequence: StepSequence) throws -> CellMatch? {
        guard case .elements(let value, let axis, let indices, let range) = sequence.kind, let first = indices.first
        else { return nil }
        let index = first + (sequence.isDescending ? 1 : -1)
        guard index >= 0, draft.type(of: value).shape[axis].length.map({ index < $0 }) ?? true else { return nil }
        let results = steps[0].states.map(\.value)
        guard results.allSatisfy({ draft.producer(of: $0) != nil }) else { return nil }
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
        let cell = try steps[0].layer.cell(steps[0].parameters)
        let step = try cell.step(
            x.reshaped([batch, range.count]), cell.stateShapes(batch: batch).map { Tensor(zeros: $0) })
        for (expected, found) in zip(step.states, computed.dropFirst()) {
            guard expected.shape == found.shape,
                zip(expected.floats, found.floats).allSatisfy({ abs($0 - $1) <= 1e-5 * max(1, abs($0)) })
            else { return nil }
        }
        var before = steps[0]
        before.input = Columns(value: value, step: .init(axis: axis, index: .fixed(index)), range: range)
        before.newStates = steps[0].states
        before.states = []
        return before
    }
}

extension CellMatch {
    /// Whether two steps are of one cell.
    fileprivate func isSameCell(as other: CellMatch) -> Bool {
        layer.kind == other.layer.kind && "\(layer)" == "\(other.layer)" && parameters == other.parameters
    }
}

/// The inputs of steps as one sequence.
private struct StepSequence {
    enum Kind {
        /// Elements of one value along one axis.
        case elements(Graph.ValueID, axis: Int, indices: [Int], range: Range<Int>)
        /// Values of their own.
        case values([Graph.ValueID])
    }

    let kind: Kind
    var axis: Int { if case .elements(_, let axis, _, _) = kind { axis } else { 1 } }

    /// Whether the first step takes the last element.
    var isDescending: Bool {
        guard case .elements(_, _, let indices, _) = kind, indices.count > 1 else { return false }
        return indices[1] < indices[0]
    }

    init?(_ inputs: [Columns], _ draft: GraphDraft) {
        let first = inputs[0]
        if let step = first.step {
            let indices = inputs.compactMap { input -> Int? in
                guard input.value == first.value, input.range == first.range, input.step?.axis == step.axis,
                    case .fixed(let index) = input.step?.index
                else { return nil }
                return index
            }
            let strides = Set(zip(indices.dropFirst(), indices).map { $0 - $1 })
            if indices.count == inputs.count, strides.isEmpty || strides == [1] || strides == [-1] {
                kind = .elements(first.value, axis: step.axis, indices: indices, range: first.range)
                return
            }
        }
        guard inputs.allSatisfy({ $0.step == nil && draft.type(of: $0.value).shape.last == .fixed($0.range.count) })
        else {
            return nil
        }
        kind = .values(inputs.map(\.value))
    }

    /// The sequence as one value, and the nodes that make it.
    func value(
        _ nodes: inout [GraphDraft.Node], _ name: String, in draft: inout GraphDraft
    ) throws -> Graph.ValueID {
        func add(_ suffix: String, _ operation: any Operator, _ inputs: [Graph.ValueID]) throws -> Graph.ValueID {
            let node = try draft.makeNode("\(name)/\(suffix)", operation, inputs)
            nodes.append(node)
            return node.outputs[0]
        }
        switch kind {
        case .values(let values):
            return try add("Stack", Concatenate(axis: 1), values.map { try add("Unsqueeze", Unsqueeze([1]), [$0]) })
        case .elements(var value, let axis, let indices, let range):
            let (first, last) = (indices.min() ?? 0, indices.max() ?? 0)
            if draft.type(of: value).shape[axis] != .fixed(indices.count) {
                let slice = Slice(starts: .known([first]), ends: .known([last + 1]), axes: .known([axis]))
                value = try add("Slice", slice, [value])
            }
            if draft.type(of: value).shape[2] != .fixed(range.count) {
                let slice = Slice(
                    starts: .known([range.lowerBound]), ends: .known([range.upperBound]), axes: .known([2]))
                value = try add("Slice", slice, [value])
            }
            return value
        }
    }
}

/// All elements along an axis, stacked again, are the value that they were picked from.
enum JoinPicks: Pass {
    static let summary = "read as a whole what was taken apart and stacked again"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let stack = node.layer.operation as? Concatenate,
            let axis = resolvedAxis(stack.axis, rank: draft.type(of: node.outputs[0]).rank), node.inputs.count > 1
        else { return false }
        let picks = node.inputs.compactMap { part -> Pick? in
            guard let (first, unsqueeze) = draft.producer(of: part, Unsqueeze.self), unsqueeze.axes.values?.count == 1,
                let added = unsqueeze.axes.values?[0],
                resolvedAxis(added, rank: draft.type(of: node.outputs[0]).rank) == axis,
                let source = draft.producer(of: draft.nodes[first].inputs[0])
            else { return nil }
            return Pick(draft.nodes[source], draft)
        }
        guard picks.count == node.inputs.count, let first = picks.first,
            picks.allSatisfy({ $0.value == first.value && $0.axis == first.axis }),
            picks.map(\.index) == Array(picks.indices),
            draft.type(of: first.value).shape[first.axis] == .fixed(picks.count)
        else { return false }
        if first.axis == axis {
            draft.redirect(node.outputs[0], to: first.value)
            return true
        }
        var permutation = Array(0..<draft.type(of: first.value).rank)
        permutation.remove(at: first.axis)
        permutation.insert(first.axis, at: axis)
        let new = try draft.makeNode(
            node.layer.name, Transpose(permutation), [first.value], outputs: [node.outputs[0]])
        draft.replace([index], with: [new])
        return true
    }
}
