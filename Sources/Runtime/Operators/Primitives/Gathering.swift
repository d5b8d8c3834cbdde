package import FerryEngine

/// Picks slices along an axis: output[…, j, …] = x[…, indices[j], …].
///
/// Inputs: x, indices of any shape.
package struct Gather: Operator, Hashable {
    package static let kind = "Gather"
    package var axis: Int

    /// Picks along `axis`.
    package init(axis: Int = 0) { self.axis = axis }

    package var arity: ClosedRange<Int> { 2...2 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let axis = try checkedAxis(axis, rank: inputs[0].rank)
        return [inputs[0].with(shape: inputs[0].shape[..<axis] + inputs[1].shape + inputs[0].shape[(axis + 1)...])]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let (x, indices) = (inputs[0].tensor, inputs[1].tensor)
        let axis = try checkedAxis(axis, rank: x.rank)
        let rows = try indices.ints.map { try checkedIndex($0, length: x.shape[axis]) }
        return [
            Signal(x.gathering(rows, axis: axis).reshaped(x.shape[..<axis] + indices.shape + x.shape[(axis + 1)...]))
        ]
    }
}

/// Picks an element for each index along an axis.
///
/// Inputs: x, indices of the same rank.
package struct GatherElements: Operator, Hashable {
    package static let kind = "GatherElements"
    package var axis: Int

    /// Picks along `axis`.
    package init(axis: Int = 0) { self.axis = axis }

    package var arity: ClosedRange<Int> { 2...2 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard inputs[0].rank == inputs[1].rank else {
            throw FerryError(
                .shape, found: "indices \(inputs[1].shape)", expected: "as many axes as \(inputs[0].shape)")
        }
        _ = try checkedAxis(axis, rank: inputs[0].rank)
        return [inputs[0].with(shape: inputs[1].shape)]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let (x, indices) = (inputs[0].tensor, inputs[1].tensor)
        let axis = try checkedAxis(axis, rank: x.rank)
        guard x.shape.indices.allSatisfy({ $0 == axis || indices.shape[$0] <= x.shape[$0] }) else {
            throw FerryError(
                .shape, found: "indices \(indices.shape)", expected: "no more than \(x.shape) but along axis \(axis)")
        }
        let strides = x.shape.rowMajorStrides
        let picks = indices.ints
        var sources: [Int] = []
        sources.reserveCapacity(picks.count)
        forEachIndex(indices.shape) { position in
            sources.append(
                zip(position, strides).enumerated().reduce(0) {
                    $1.offset == axis ? $0 : $0 + $1.element.0 * $1.element.1
                })
        }
        for i in sources.indices { sources[i] += try checkedIndex(picks[i], length: x.shape[axis]) * strides[axis] }
        return [Signal(x.reshaped([x.count]).rows(sources).reshaped(indices.shape))]
    }
}

/// Picks slices by index vectors, which the last axis of the second input holds.
///
/// Inputs: x, indices.
package struct GatherND: Operator, Hashable {
    package static let kind = "GatherND"
    /// How many leading axes both inputs share.
    package var batchAxes: Int

    /// Picks with `batchAxes` leading axes in common.
    package init(batchAxes: Int = 0) { self.batchAxes = batchAxes }

    package var arity: ClosedRange<Int> { 2...2 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let (x, indices) = (inputs[0], inputs[1])
        guard let depth = indices.shape.last?.length, 0..<indices.rank ~= batchAxes, depth >= 1,
            batchAxes + depth <= x.rank
        else {
            throw FerryError(
                .shape, found: "indices \(indices.shape) into \(x.shape)",
                expected: "a last axis no longer than the input's rank")
        }
        return [x.with(shape: indices.shape.dropLast() + x.shape.dropFirst(batchAxes + depth))]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let (x, indices) = (inputs[0].tensor, inputs[1].tensor)
        let depth = indices.shape[indices.rank - 1]
        let axes = x.shape[batchAxes..<(batchAxes + depth)]
        let batch = x.shape.prefix(batchAxes).reduce(1, *)
        guard Array(indices.shape.prefix(batchAxes)) == Array(x.shape.prefix(batchAxes)) else {
            throw FerryError(
                .shape, found: "indices \(indices.shape) into \(x.shape)", expected: "\(batchAxes) equal axes")
        }
        let rows = x.reshaped([batch * axes.reduce(1, *)] + x.shape.dropFirst(batchAxes + depth))
        let values = indices.ints
        let vectors = depth == 0 ? 0 : values.count / depth
        let sources = try (0..<vectors).map { vector in
            let sample = vector / max(vectors / max(batch, 1), 1)
            return try zip(axes, values[(vector * depth)...]).reduce(sample) {
                $0 * $1.0 + (try checkedIndex($1.1, length: $1.0))
            }
        }
        return [Signal(rows.rows(sources).reshaped(indices.shape.dropLast() + rows.shape.dropFirst()))]
    }
}

/// Reverses the first steps of each sequence, as many as its length says.
///
/// Inputs: x, lengths [batch].
package struct ReverseSequence: Operator, Hashable {
    package static let kind = "ReverseSequence"
    package var batchAxis: Int
    package var timeAxis: Int

    /// Reverses along `timeAxis`.
    package init(batchAxis: Int, timeAxis: Int) {
        self.batchAxis = batchAxis
        self.timeAxis = timeAxis
    }

    package var arity: ClosedRange<Int> { 2...2 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard inputs[0].rank >= 2, Set([batchAxis, timeAxis]) == [0, 1] else {
            throw FerryError(
                .shape, found: "input \(inputs[0].shape), batch axis \(batchAxis), time axis \(timeAxis)",
                expected: "batch and time as the first two axes")
        }
        return [inputs[0]]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let order = batchAxis == 0 ? nil : [1, 0] + Array(2..<inputs[0].tensor.rank)
        let x = order.map { inputs[0].tensor.transposed($0) } ?? inputs[0].tensor
        let (batch, time) = (x.shape[0], x.shape[1])
        let lengths = inputs[1].tensor.ints
        guard lengths.count == batch, lengths.allSatisfy({ 0...time ~= $0 }) else {
            throw FerryError(.range, found: "lengths \(lengths)", expected: "\(batch) of them, from 0 to \(time)")
        }
        let rows = lengths.enumerated().flatMap { sample, length in
            (0..<time).map { sample * time + ($0 < length ? length - 1 - $0 : $0) }
        }
        let y = x.reshaped([batch * time] + x.shape.dropFirst(2)).rows(rows).reshaped(x.shape)
        return [Signal(order.map { y.transposed($0) } ?? y)]
    }
}

extension Tensor {
    /// The slices of `axis` that `indices`, all inside, name.
    func gathering(_ indices: [Int], axis: Int) -> Tensor {
        let (outer, length, inner) = split(at: axis)
        var result = shape
        result[axis] = indices.count
        let rows = (0..<outer).flatMap { o in indices.map { o * length + $0 } }
        return reshaped([outer * length, inner]).rows(rows).reshaped(result)
    }
}

/// `index` counted from the front.
///
/// - Throws: ``FerryError/Code/range`` where it is outside.
func checkedIndex(_ index: Int, length: Int) throws -> Int {
    guard let resolved = resolvedAxis(index, rank: length) else {
        throw FerryError(.range, found: "index \(index)", expected: "\(-length) to \(length - 1)")
    }
    return resolved
}

/// Visits every position of an array of `shape` in row-major order.
func forEachIndex(_ shape: [Int], _ body: ([Int]) -> Void) {
    guard shape.product > 0 else { return }
    var position = [Int](repeating: 0, count: shape.count)
    while true {
        body(position)
        var axis = shape.count - 1
        while axis >= 0 {
            position[axis] += 1
            if position[axis] < shape[axis] { break }
            position[axis] = 0
            axis -= 1
        }
        if axis < 0 { return }
    }
}
