import FerryEngine

// How graphs and layers around layers take part in a plan.

extension PreparedGraph {
    func plan(_ inputs: Slots<PlannedValue>, in builder: PlanBuilder) throws -> [PlannedValue]? {
        var values = [PlannedValue?](repeating: nil, count: graph.valueCount)
        for (value, tensor) in graph.constants { values[value.index] = builder.constant(tensor) }
        for (position, value) in graph.inputs.enumerated() { values[value.index] = inputs[position] }
        for node in graph.nodes {
            guard let outputs = try plan(node, values, in: builder) else { return nil }
            for (value, output) in zip(node.outputs, outputs) { values[value.index] = output }
        }
        return Slots(graph.outputs.map { values[$0.index] }).present
    }

    private func plan(
        _ node: Graph.Node, _ values: [PlannedValue?], in builder: PlanBuilder
    ) throws -> [PlannedValue]? {
        var inputs = node.inputs.map { $0.flatMap { values[$0.index] } }
        if node.mask != .carried {
            guard node.mask.value == nil else { return nil }
            inputs[0]?.mask = nil
        }
        let slots = Slots(inputs)
        let layer = graph.layer(of: node)
        return try locating("layer '\(layer.name)' (\(layer.operation.kind))") {
            let types = slots.map { ValueType($0.dtype, $0.shape.map { .fixed($0) }) }
            let outputs = try layer.operation.outputTypes(for: types)
            try RunLimits.check(outputs)
            try builder.count(
                layer.operation.work(types, outputs, parameterCount: parameterCounts[node.layer]), outputs)
            return try builder.withLayer(layer.name) { try layers[node.layer].plan(slots, in: builder) }
        }
    }
}

extension PreparedTimeDistributed {
    func plan(_ inputs: Slots<PlannedValue>, in builder: PlanBuilder) throws -> [PlannedValue]? {
        let x = inputs[0]
        let leading = Array(x.shape.prefix(2))
        let rows = inputs.map { $0.reshaped([$0.shape.prefix(2).reduce(1, *)] + $0.shape.dropFirst(2)) }
        return try layer.plan(rows, in: builder)?.map { output in
            var value = output.reshaped(leading + output.shape.dropFirst())
            value.mask = x.mask
            return value
        }
    }
}

extension PreparedBidirectional {
    func plan(_ inputs: Slots<PlannedValue>, in builder: PlanBuilder) -> [PlannedValue]? {
        guard let there = forward as? PackedRecurrentLayer, let back = backward as? PackedRecurrentLayer,
            there.options.returnSequences == back.options.returnSequences,
            there.options.timeMajor == back.options.timeMajor
        else { return nil }
        let (forwardInputs, backwardInputs) = layer.directions(inputs)
        guard var targets = targets(there, back, for: inputs[0], in: builder) else { return nil }
        targets.back.isReversed = true
        let forwardStates = builder.withLayer("forward") {
            there.plan(forwardInputs, into: targets.there, in: builder)
        }
        let backwardStates = builder.withLayer("backward") {
            back.plan(backwardInputs, into: targets.back, in: builder)
        }
        guard let forwardStates, let backwardStates else { return nil }
        return joined(targets.there.value, targets.back.value, in: builder) + forwardStates + backwardStates
    }

    private typealias Target = PackedRecurrentLayer.Target

    /// Where the two directions write: side by side where they are concatenated.
    private func targets(
        _ there: PackedRecurrentLayer, _ back: PackedRecurrentLayer, for x: PlannedValue, in builder: PlanBuilder
    ) -> (there: Target, back: Target)? {
        let units = (there.recurrence.units, back.recurrence.units)
        guard layer.merge == .concatenate else {
            guard let first = there.target(for: x, width: units.0, in: builder),
                let second = back.target(for: x, width: units.1, in: builder)
            else { return nil }
            return (first, second)
        }
        guard let both = there.target(for: x, width: units.0 + units.1, in: builder) else { return nil }
        var beside = both
        beside.column = units.0
        return (both, beside)
    }

    /// The outputs that the two directions come to.
    private func joined(
        _ there: PlannedValue, _ back: PlannedValue, in builder: PlanBuilder
    ) -> [PlannedValue] {
        guard let merge = layer.merge else { return [there, back] }
        switch merge {
        case .concatenate: return [there]
        case .sum, .multiply, .average:
            let y = builder.value(there.shape, mask: there.mask)
            builder.calls.addPair(
                there.floats, back.floats, merge == .multiply ? .multiply : .add, factor: merge == .average ? 0.5 : 1,
                into: y.floats, count: y.count)
            return [y]
        }
    }
}
