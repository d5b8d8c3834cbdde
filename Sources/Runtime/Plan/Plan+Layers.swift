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
        guard values.count >= 2,
            values.allSatisfy({ $0.dtype == .float32 && $0.mask == nil && $0.shape == values[0].shape })
        else { return nil }
        let y = builder.value(values[0].shape)
        var left = values[0].floats
        for (position, right) in values.enumerated().dropFirst() {
            let isMean = function == .average && position == values.count - 1
            builder.calls.addPair(
                left, right.floats, pairing, factor: isMean ? 1 / Float(values.count) : 1, into: y.floats,
                count: y.count)
            left = y.floats
        }
        return [y]
    }

    private var pairing: CallPlan.Pairing {
        switch function {
        case .add, .average: .add
        case .subtract: .subtract
        case .multiply: .multiply
        case .maximum: .maximum
        case .minimum: .minimum
        }
    }
}

extension LocalPooling: PlannableOperator {
    func plan(
        _ inputs: Slots<PlannedValue>, _ parameters: ParameterSet, in builder: PlanBuilder
    ) -> [PlannedValue]? {
        let x = inputs[0]
        guard x.dtype == .float32, x.shape.count == 3, options.dilation == [1], !options.channelsFirst else {
            return nil
        }
        let cut = options.cut(x.shape[1])
        let y = builder.value([x.shape[0], cut.windows, x.shape[2]])
        builder.calls.addPooling(
            .init(count: cut.windows, size: options.size[0], stride: options.strides[0], before: cut.before),
            averaging: function == .average, rows: x.shape[0], steps: x.shape[1], width: x.shape[2], x.floats,
            mask: nil, into: y.floats)
        return [y]
    }
}

extension GlobalPooling: PlannableOperator {
    func plan(
        _ inputs: Slots<PlannedValue>, _ parameters: ParameterSet, in builder: PlanBuilder
    ) -> [PlannedValue]? {
        let x = inputs[0]
        guard x.dtype == .float32, x.shape.count == 3, axes == 1, !channelsFirst else { return nil }
        let y = builder.value(keepsAxes ? [x.shape[0], 1, x.shape[2]] : [x.shape[0], x.shape[2]])
        builder.calls.addPooling(
            .init(count: 1, size: x.shape[1], stride: 0, before: 0), averaging: function == .average,
            rows: x.shape[0], steps: x.shape[1], width: x.shape[2], x.floats,
            mask: function == .average ? x.mask.map { UnsafePointer($0) } : nil, into: y.floats)
        return [y]
    }
}
