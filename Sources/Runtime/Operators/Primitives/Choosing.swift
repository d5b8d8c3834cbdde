package import FerryEngine

/// Picks the slices of an axis, or the elements of the flattened input, where a condition is true (ONNX `Compress`).
///
/// Inputs: x, the condition, a vector.
package struct Compress: TensorFunction, Hashable {
    package static let kind = "Compress"
    /// The axis; nil takes the input for a vector.
    package var axis: Int?

    package init(axis: Int?) { self.axis = axis }

    package var arity: ClosedRange<Int> { 2...2 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard inputs[1].rank == 1, inputs[1].dtype == .bool else {
            throw FerryError(.dtype, found: "a condition \(inputs[1])", expected: "a vector of booleans")
        }
        guard let axis else { return [inputs[0].with(shape: [.unknown])] }
        var type = inputs[0]
        type.shape[try checkedAxis(axis, rank: type.rank)] = .unknown
        return [type]
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let x = axis == nil ? inputs[0].reshaped([inputs[0].count]) : inputs[0]
        let axis = try checkedAxis(axis ?? 0, rank: x.rank)
        let condition = inputs[1].elements(Bool.self)
        let picks = condition.indices.filter { condition[$0] }
        if let last = picks.last { _ = try checkedIndex(last, length: x.shape[axis]) }
        return [x.gathering(picks, axis: axis)]
    }
}

/// The different elements, or slices of an axis, of the input (ONNX `Unique`).
///
/// Outputs: them; where each occurs first; which of them each element is; how often each occurs; the last three int64.
package struct Unique: TensorFunction, Hashable {
    package static let kind = "Unique"
    /// The axis; nil takes the input for a vector.
    package var axis: Int?
    /// Whether they come in ascending order, else in that in which they occur first.
    package var isSorted: Bool

    package init(axis: Int?, isSorted: Bool) {
        self.axis = axis
        self.isSorted = isSorted
    }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        var type = axis == nil ? inputs[0].with(shape: [inputs[0].shape.productDimension]) : inputs[0]
        let axis = try checkedAxis(axis ?? 0, rank: type.rank)
        let length = type.shape[axis]
        type.shape[axis] = .unknown
        return [type] + [.unknown, length, .unknown].map { ValueType(.int64, [$0]) }
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let x = axis == nil ? inputs[0].reshaped([inputs[0].count]) : inputs[0]
        let axis = try checkedAxis(axis ?? 0, rank: x.rank)
        let slices = x.transposed([axis] + (0..<x.rank).filter { $0 != axis })
        let (firsts, which, counts) = groups(slices.asNumbers(), slices.dtype.numberType)
        let vectors = [firsts, which, counts].map { Tensor($0.map(Int64.init)) }
        return [x.gathering(firsts, axis: axis)] + vectors
    }

    private func groups<N: Number>(_ slices: Tensor, _: N.Type) -> (firsts: [Int], which: [Int], counts: [Int]) {
        let (count, width) = (slices.shape[0], slices.shape.dropFirst().reduce(1, *))
        let values = slices.elements(N.self)
        func isBefore(_ a: Int, _ b: Int) -> Bool? {
            for k in 0..<width where values[a * width + k] != values[b * width + k] {
                return values[a * width + k] < values[b * width + k]
            }
            return nil
        }
        let order = (0..<count).sorted { isBefore($0, $1) ?? ($0 < $1) }
        var groups: [[Int]] = []
        for i in order {
            if let first = groups.last?.first, isBefore(first, i) == nil {
                groups[groups.count - 1].append(i)
            } else {
                groups.append([i])
            }
        }
        if !isSorted { groups.sort { $0[0] < $1[0] } }
        var which = [Int](repeating: 0, count: count)
        for (group, members) in groups.enumerated() { for i in members { which[i] = group } }
        return (groups.map { $0[0] }, which, groups.map(\.count))
    }
}

/// Which boxes to keep where those that overlap too much count as one (ONNX `NonMaxSuppression`).
///
/// Inputs: boxes [batch, boxes, 4], scores [batch, classes, boxes], then optionally how many at most of each class, the
/// largest share of overlap, the smallest score. Output: int64 [kept, 3], batch, class and box.
package struct NonMaximumSuppression: TensorFunction, Hashable {
    package static let kind = "NonMaximumSuppression"
    /// Whether boxes are given by centre and size, else by two opposite corners.
    package var usesCentres: Bool

    package init(usesCentres: Bool) { self.usesCentres = usesCentres }

    package var arity: ClosedRange<Int> { 2...5 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard inputs[0].rank == 3, inputs[1].rank == 3, inputs[0].shape[2].isCompatible(with: 4) else {
            throw FerryError(
                .shape, found: "inputs \(inputs[0].shape) and \(inputs[1].shape)",
                expected: "[batch, boxes, 4] and [batch, classes, boxes]")
        }
        return [ValueType(.int64, [.unknown, 3])]
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let (boxes, scores) = (inputs[0].doubles, inputs[1].doubles)
        let (batch, classes, count) = (inputs[1].shape[0], inputs[1].shape[1], inputs[1].shape[2])
        guard inputs[0].shape == [batch, count, 4] else {
            throw FerryError(.shape, found: "boxes \(inputs[0].shape)", expected: "\([batch, count, 4])")
        }
        let limit = try inputs[optional: 2]?.scalarInt("a number of boxes") ?? 0
        let overlap = try inputs[optional: 3]?.scalarDouble("a share of overlap") ?? 0
        let smallest = try inputs[optional: 4]?.scalarDouble("a score") ?? -.infinity
        var kept: [Int64] = []
        for sample in 0..<batch {
            for label in 0..<classes {
                let line = (sample * classes + label) * count
                let order = (0..<count).filter { scores[line + $0] > smallest }
                    .sorted { scores[line + $0] == scores[line + $1] ? $0 < $1 : scores[line + $0] > scores[line + $1] }
                var chosen: [Int] = []
                for box in order where chosen.count < limit {
                    let rival = Box(boxes, (sample * count + box) * 4, usesCentres)
                    let overlaps = chosen.contains {
                        Box(boxes, (sample * count + $0) * 4, usesCentres).overlap(rival) > overlap
                    }
                    if !overlaps { chosen.append(box) }
                }
                for box in chosen { kept += [Int64(sample), Int64(label), Int64(box)] }
            }
        }
        return [Tensor(kept, shape: [kept.count / 3, 3])]
    }

    private struct Box {
        let low: (Double, Double)
        let high: (Double, Double)

        init(_ values: [Double], _ start: Int, _ isCentre: Bool) {
            let (a, b, c, d) = (values[start], values[start + 1], values[start + 2], values[start + 3])
            if isCentre {
                (low, high) = ((a - c / 2, b - d / 2), (a + c / 2, b + d / 2))
            } else {
                (low, high) = ((min(a, c), min(b, d)), (max(a, c), max(b, d)))
            }
        }

        var area: Double { (high.0 - low.0) * (high.1 - low.1) }

        /// The common area as a share of the area of both.
        func overlap(_ other: Box) -> Double {
            let width = min(high.0, other.high.0) - max(low.0, other.low.0)
            let height = min(high.1, other.high.1) - max(low.1, other.low.1)
            guard width > 0, height > 0, area > 0, other.area > 0 else { return 0 }
            return width * height / (area + other.area - width * height)
        }
    }
}
