import FerryEngine

// How layers without weights to pack take part in a plan.

extension Dropout: PlannableOperator {
    func plan(
        _ inputs: Slots<PlannedValue>, _ parameters: ParameterSet, in builder: PlanBuilder
    ) -> [PlannedValue]? { [inputs[0]] }
}

extension Activation: PlannableOperator {
    func plan(
        _ inputs: Slots<PlannedValue>, _ parameters: ParameterSet, in builder: PlanBuilder
    ) -> [PlannedValue]? {
        builder.planned(function, of: inputs[0]).map { [$0] }
    }
}

extension PlanBuilder {
    /// A function of a value, in place where `isOwn` says that nobody else reads it; nil where the kernels lack it.
    func planned(_ function: ActivationFunction, of x: PlannedValue, isOwn: Bool = false) -> PlannedValue? {
        guard x.dtype == .float32 else { return nil }
        if function == .linear { return x }
        let y = isOwn ? x : value(x.shape, mask: x.mask)
        if let activation = KernelActivation(function) {
            calls.addMap(activation, x.floats, into: y.floats, count: x.count)
            return y
        }
        guard case .softmax(let axis) = function, let width = x.shape.last, width > 0,
            axis == -1 || axis == x.shape.count - 1
        else { return nil }
        calls.addSoftmax(rows: x.count / width, width: width, x.floats, into: y.floats)
        return y
    }
}

extension Embedding: PlannableOperator {
    func plan(
        _ inputs: Slots<PlannedValue>, _ parameters: ParameterSet, in builder: PlanBuilder
    ) throws -> [PlannedValue]? {
        let ids = inputs[0]
        guard [.float32, .int32, .int64].contains(ids.dtype) else { return nil }
        let table = builder.constant(try parameters.required("embeddings").cast(to: .float32))
        let mask = maskZero ? builder.mask(ids.count) : nil
        let y = builder.value(ids.shape + [size], mask: mask)
        builder.calls.addGather(
            table.floats, rows: vocabulary, width: size, ids.base, idType: ids.dtype, count: ids.count, into: y.floats,
            mask: mask)
        return [y]
    }
}

extension Masking: PlannableOperator {
    func plan(
        _ inputs: Slots<PlannedValue>, _ parameters: ParameterSet, in builder: PlanBuilder
    ) -> [PlannedValue]? {
        let x = inputs[0]
        guard x.dtype == .float32, let width = x.shape.last, width > 0 else { return nil }
        let rows = x.count / width
        let mask = builder.mask(rows)
        let y = builder.value(x.shape, mask: mask)
        builder.calls.addMasking(value, rows: rows, width: width, x.floats, into: y.floats, mask: mask)
        return [y]
    }
}

extension BatchNormalization: PlannableOperator {
    func plan(
        _ inputs: Slots<PlannedValue>, _ parameters: ParameterSet, in builder: PlanBuilder
    ) throws -> [PlannedValue]? {
        let x = inputs[0]
        guard x.dtype == .float32, axis == -1 || axis == x.shape.count - 1, let width = x.shape.last, width > 0 else {
            return nil
        }
        let (factors, offsets) = try affine(parameters)
        let y = builder.value(x.shape, mask: x.mask)
        builder.calls.addScaling(
            rows: x.count / width, width: width, x.floats, scale: builder.calls.floats(factors),
            offset: builder.calls.floats(offsets), into: y.floats)
        return [y]
    }
}

extension LayerNormalization: PlannableOperator {
    func plan(
        _ inputs: Slots<PlannedValue>, _ parameters: ParameterSet, in builder: PlanBuilder
    ) throws -> [PlannedValue]? {
        let x = inputs[0]
        guard x.dtype == .float32, !usesRootMeanSquare, resolvedAxes(rank: x.shape.count) == [x.shape.count - 1],
            let width = x.shape.last, width > 0
        else { return nil }
        let gamma = scale ? builder.calls.floats(try parameters.required("gamma").floats) : nil
        let beta = center ? builder.calls.floats(try parameters.required("beta").floats) : nil
        let y = builder.value(x.shape, mask: x.mask)
        builder.calls.addNormalization(
            rows: x.count / width, width: width, epsilon: epsilon, x.floats, scale: gamma, offset: beta, into: y.floats)
        return [y]
    }
}

extension Merge: PlannableOperator {
    func plan(
        _ inputs: Slots<PlannedValue>, _ parameters: ParameterSet, in builder: PlanBuilder
    ) -> [PlannedValue]? {
        let values = inputs.present
        guard function == .add || function == .multiply, values.count >= 2,
            values.allSatisfy({ $0.dtype == .float32 && $0.mask == nil && $0.shape == values[0].shape })
        else { return nil }
        let y = builder.value(values[0].shape)
        var left = values[0].floats
        for right in values.dropFirst() {
            builder.calls.addPair(
                left, right.floats, multiplying: function == .multiply, into: y.floats, count: y.count)
            left = y.floats
        }
        return [y]
    }
}
