import FerryEngine

// How layers that run on the kernels take part in a plan.

extension PackedDense {
    func plan(_ inputs: Slots<PlannedValue>, in builder: PlanBuilder) throws -> [PlannedValue]? {
        let x = inputs[0]
        guard x.dtype == .float32, x.shape.last == matrix.inner else { return nil }
        let leading = Array(x.shape.dropLast())
        let y = builder.value(leading + [matrix.columns], mask: x.mask)
        let function = KernelActivation(activation)
        if leading.product > 0, matrix.columns > 0 {
            builder.calls.addProduct(
                rows: leading.product, x.floats, stride: matrix.inner, matrix, activation: function, into: y.floats)
        }
        guard function == nil else { return [y] }
        return builder.planned(activation, of: y, isOwn: true).map { [$0] }
    }
}

extension PackedRecurrentLayer {
    /// Where a layer's first output goes: into a value of its own, or beside that of another direction.
    struct Target {
        let value: PlannedValue
        /// The first of its columns that this layer writes.
        var column = 0
        /// Whether the steps are written from the last to the first.
        var isReversed = false
    }

    func plan(_ inputs: Slots<PlannedValue>, in builder: PlanBuilder) throws -> [PlannedValue]? {
        guard let target = target(for: inputs[0], width: recurrence.units, in: builder),
            let states = plan(inputs, into: target, in: builder)
        else { return nil }
        return [target.value] + states
    }

    /// A value for outputs of `width` columns; nil where the input does not fit.
    func target(for x: PlannedValue, width: Int, in builder: PlanBuilder) -> Target? {
        guard x.dtype == .float32, x.shape.count == 3, x.shape[2] == recurrence.features, x.count > 0 else {
            return nil
        }
        let walk = walk(over: x.shape, isMasked: x.mask != nil)
        let shape = Array(outputShape(of: walk).dropLast()) + [width]
        return Target(value: builder.value(shape, mask: options.returnSequences ? x.mask : nil))
    }

    /// Adds the walk, and gives the states where the layer returns them.
    func plan(_ inputs: Slots<PlannedValue>, into target: Target, in builder: PlanBuilder) -> [PlannedValue]? {
        let x = inputs[0]
        guard x.dtype == .float32, x.shape.count == 3, x.shape[2] == recurrence.features else { return nil }
        var walk = walk(over: x.shape, isMasked: x.mask != nil)
        guard let states = plannedStates(walk.batch, inputs.dropFirst(1).present, in: builder) else { return nil }
        let width = target.value.shape[target.value.shape.count - 1]
        var output = target.value.floats + target.column
        walk.output.row = walk.output.row / recurrence.units * width
        walk.output.time = walk.output.time / recurrence.units * width
        if target.isReversed {
            output += (walk.time - 1) * walk.output.time
            walk.output.time.negate()
        }
        let mask = x.mask.map { UnsafePointer($0) }
        let c = recurrence.hasCellState ? states[1].floats : nil
        builder.calls.addWalk(walk, x: x.floats, mask: mask, output: output, h: states[0].floats, c: c)
        return options.returnState ? states : []
    }

    /// The states at the beginning of the walk: given ones, those of the run before, or zeros.
    private func plannedStates(
        _ batch: Int, _ given: [PlannedValue], in builder: PlanBuilder
    ) -> [PlannedValue]? {
        let shapes = cell.stateShapes(batch: batch)
        let isCarried = options.isStateful || builder.isStreaming
        let states = isCarried ? builder.state(shapes) : shapes.map { builder.value($0) }
        guard !given.isEmpty else {
            for state in states where !isCarried { builder.calls.addClear(state.floats, count: state.count) }
            return states
        }
        guard given.map(\.shape) == shapes, given.allSatisfy({ $0.dtype == .float32 }) else { return nil }
        for (state, value) in zip(states, given) {
            builder.calls.addCopy(value.base, into: state.base, byteCount: value.count * 4)
        }
        return states
    }
}
