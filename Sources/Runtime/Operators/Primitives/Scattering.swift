package import FerryEngine

/// What becomes of an element and the update that meets it.
package enum ScatterReduction: String, Sendable, CaseIterable {
    case none, add, mul, max, min

    /// The element after the update.
    func combined<N: Number>(_ old: N, _ new: N) -> N {
        switch self {
        case .none: new
        case .add: old.plus(new)
        case .mul: old.times(new)
        case .max: old.isNotANumber || old > new ? old : new
        case .min: old.isNotANumber || old < new ? old : new
        }
    }
}

/// Writes an update for each index along an axis (ONNX `ScatterElements`).
///
/// Inputs: x, indices, updates of the shape of the indices.
package struct ScatterElements: TensorFunction, Hashable {
    package static let kind = "ScatterElements"
    package var axis: Int
    package var reduction: ScatterReduction

    package init(axis: Int, reduction: ScatterReduction = .none) {
        self.axis = axis
        self.reduction = reduction
    }

    package var arity: ClosedRange<Int> { 3...3 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        _ = try checkedAxis(axis, rank: inputs[0].rank)
        guard inputs[1].rank == inputs[0].rank, inputs[2].rank == inputs[0].rank else {
            throw FerryError(
                .shape, found: "indices \(inputs[1].shape), updates \(inputs[2].shape)",
                expected: "as many axes as \(inputs[0].shape)")
        }
        try requireOneType([inputs[0], inputs[2]])
        return [inputs[0]]
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let (x, indices, updates) = (inputs[0], inputs[1], inputs[2])
        let axis = try checkedAxis(axis, rank: x.rank)
        guard indices.shape == updates.shape,
            x.shape.indices.allSatisfy({ $0 == axis || indices.shape[$0] <= x.shape[$0] })
        else {
            throw FerryError(
                .shape, found: "indices \(indices.shape), updates \(updates.shape)",
                expected: "equal shapes inside \(x.shape)")
        }
        let strides = x.shape.rowMajorStrides
        var targets: [Int] = []
        targets.reserveCapacity(indices.count)
        forEachIndex(indices.shape) { position in
            targets.append(position.indices.reduce(0) { $1 == axis ? $0 : $0 + position[$1] * strides[$1] })
        }
        for (i, index) in indices.ints.enumerated() {
            targets[i] += try checkedIndex(index, length: x.shape[axis]) * strides[axis]
        }
        return [x.scattering(updates, at: targets, width: 1, reduction)]
    }
}

/// Writes slices at index vectors, which the last axis of the second input holds (ONNX `ScatterND`).
///
/// Inputs: x, indices, updates.
package struct ScatterND: TensorFunction, Hashable {
    package static let kind = "ScatterND"
    package var reduction: ScatterReduction

    package init(reduction: ScatterReduction = .none) { self.reduction = reduction }

    package var arity: ClosedRange<Int> { 3...3 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard let depth = inputs[1].shape.last?.length, depth <= inputs[0].rank,
            inputs[2].rank == inputs[1].rank - 1 + inputs[0].rank - depth
        else {
            throw FerryError(
                .shape, found: "indices \(inputs[1].shape), updates \(inputs[2].shape)",
                expected: "index vectors into \(inputs[0].shape) and a slice for each")
        }
        try requireOneType([inputs[0], inputs[2]])
        return [inputs[0]]
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let (x, indices, updates) = (inputs[0], inputs[1], inputs[2])
        let depth = indices.shape[indices.rank - 1]
        let width = x.shape.dropFirst(depth).reduce(1, *)
        let (vectors, values) = (indices.shape.dropLast().reduce(1, *), indices.ints)
        guard updates.shape == indices.shape.dropLast() + x.shape.dropFirst(depth) else {
            throw FerryError(
                .shape, found: "updates \(updates.shape)",
                expected: "\(Array(indices.shape.dropLast() + x.shape.dropFirst(depth)))")
        }
        let targets = try (0..<vectors).map { vector in
            try (0..<depth).reduce(0) { place, axis in
                place * x.shape[axis] + (try checkedIndex(values[vector * depth + axis], length: x.shape[axis]))
            } * width
        }
        return [x.scattering(updates, at: targets, width: width, reduction)]
    }
}

/// Writes new steps behind those that a cache already holds (ONNX `TensorScatter`).
///
/// Inputs: the cache [batch, …, time, …], the new steps, optionally where they begin in each sample.
package struct CacheUpdate: TensorFunction, Hashable {
    package static let kind = "CacheUpdate"
    /// The time axis.
    package var axis: Int
    /// Whether steps beyond the end go on at the beginning.
    package var isCircular: Bool

    package init(axis: Int, isCircular: Bool) {
        self.axis = axis
        self.isCircular = isCircular
    }

    package var arity: ClosedRange<Int> { 2...3 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard try checkedAxis(axis, rank: inputs[0].rank) > 0, inputs[1].rank == inputs[0].rank else {
            throw FerryError(.shape, found: "\(inputs[1].shape) into \(inputs[0].shape)", expected: "a time axis")
        }
        try requireOneType([inputs[0], inputs[1]])
        return [inputs[0]]
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let (cache, steps) = (inputs[0], inputs[1])
        let axis = try checkedAxis(axis, rank: cache.rank)
        let (outer, length, inner) = cache.split(at: axis)
        let (starts, count) = (
            inputs[optional: 2]?.ints ?? [Int](repeating: 0, count: cache.shape[0]), steps.shape[axis]
        )
        var shape = cache.shape
        shape[axis] = count
        guard steps.shape == shape, starts.count == cache.shape[0] else {
            throw FerryError(.shape, found: "\(steps.shape) into \(cache.shape)", expected: "all axes but time equal")
        }
        let targets = try (0..<outer).flatMap { o in
            try (0..<count).map { k in
                let step = starts[o * cache.shape[0] / max(outer, 1)] + k
                let place = isCircular ? step % max(length, 1) : step
                return (o * length + (try checkedIndex(place, length: length))) * inner
            }
        }
        return [cache.scattering(steps, at: targets, width: inner, .none)]
    }
}

extension Tensor {
    /// This tensor with runs of `width` elements at `targets`, all inside, combined with those of `updates` in order.
    func scattering(_ updates: Tensor, at targets: [Int], width: Int, _ reduction: ScatterReduction) -> Tensor {
        if dtype == .bool {
            // Of booleans the sum is "or", the product "and".
            let asBytes = cast(to: .uint8)
                .scattering(updates.cast(to: .uint8), at: targets, width: width, reduction == .add ? .max : reduction)
            return asBytes.cast(to: .bool)
        }
        func scattered<N: Number>(_: N.Type) -> Tensor {
            var result = asNumbers()
            updates.asNumbers().withUnsafeElements { (source: UnsafeBufferPointer<N>) in
                result.withUnsafeMutableElements { (target: UnsafeMutableBufferPointer<N>) in
                    for (i, place) in targets.enumerated() {
                        for k in 0..<width {
                            target[place + k] = reduction.combined(target[place + k], source[i * width + k])
                        }
                    }
                }
            }
            return result.cast(to: dtype)
        }
        return scattered(dtype.numberType)
    }
}
