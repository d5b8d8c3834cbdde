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
            _ = try layer.operation.outputTypes(for: types)
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
            layer.merge == .concatenate, there.options.returnSequences == back.options.returnSequences,
            there.options.timeMajor == back.options.timeMajor
        else { return nil }
        let (forwardInputs, backwardInputs) = layer.directions(inputs)
        let width = there.recurrence.units + back.recurrence.units
        guard var target = there.target(for: inputs[0], width: width, in: builder) else { return nil }
        let forwardStates = builder.withLayer("forward") {
            there.plan(forwardInputs, into: target, in: builder)
        }
        target.column = there.recurrence.units
        target.isReversed = true
        let backwardStates = builder.withLayer("backward") {
            back.plan(backwardInputs, into: target, in: builder)
        }
        guard let forwardStates, let backwardStates else { return nil }
        return [target.value] + forwardStates + backwardStates
    }
}
