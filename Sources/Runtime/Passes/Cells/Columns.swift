import FerryEngine

/// Neighbouring features of a value at one time step: [batch, features].
struct Columns: Hashable {
    /// One element along one axis of a value with three axes.
    struct Step: Hashable {
        var axis: Int
        var index: Index
    }

    /// Which element.
    enum Index: Hashable {
        /// Always this one.
        case fixed(Int)
        /// In round `t` of a loop, element `t`.
        case round
    }

    var value: Graph.ValueID
    /// The time step; nil where the value has none, [batch, features].
    var step: Step?
    var range: Range<Int>

    var width: Int { range.count }

    /// Some of these features, counted from the first of them.
    func part(_ start: Int, _ count: Int) -> Columns {
        var copy = self
        copy.range = (range.lowerBound + start)..<(range.lowerBound + start + count)
        return copy
    }

    /// The same features of the same step of another value.
    func of(_ value: Graph.ValueID) -> Columns {
        var copy = self
        copy.value = value
        return copy
    }
}

/// Follows features through nodes that only move them.
struct ColumnTracer {
    let draft: GraphDraft
    /// The values that hold the number of the round, where the draft is the body of a loop.
    var counters: Set<Graph.ValueID> = []
    /// How many sums are around the one that is looked at.
    var depth = 0

    /// Sums inside each other are looked through so far: those of a gate are a few, and each may double the ways back.
    static let deepest = 8

    /// All features of a value; nil where their number is not known.
    func all(_ value: Graph.ValueID) -> Columns? {
        let type = draft.type(of: value)
        guard type.rank == 2, let width = type.shape[1].length else { return nil }
        return Columns(value: value, step: nil, range: 0..<width)
    }

    /// Where the features come from: a value that is computed from others, or comes from outside.
    func source(of columns: Columns) -> Columns {
        var current = columns
        while let next = moved(current) { current = next }
        return current
    }

    private func moved(_ columns: Columns) -> Columns? {
        guard let index = draft.producer(of: columns.value), draft.nodes[index].mask.value == nil else { return nil }
        let node = draft.nodes[index]
        guard let x = node.inputs.first ?? nil else { return nil }
        let rank = draft.type(of: columns.value).rank
        switch node.layer.operation {
        case let split as Split: return parted(columns, node, split, x, rank)
        case let slice as Slice: return sliced(columns, slice, x, rank)
        case let concatenate as Concatenate: return joined(columns, node, concatenate, rank)
        case let gather as Gather: return gathered(columns, gather, x, node.inputs[1])
        case let transpose as Transpose:
            guard rank == 3, let step = columns.step else { return nil }
            let permutation = transpose.resolved(rank: 3)
            guard permutation[2] == 2 else { return nil }
            return Columns(value: x, step: .init(axis: permutation[step.axis], index: step.index), range: columns.range)
        case is Squeeze, is Unsqueeze, is TensorReshape: return reshaped(columns, x)
        default: return nil
        }
    }

    private func parted(
        _ columns: Columns, _ node: GraphDraft.Node, _ split: Split, _ x: Graph.ValueID, _ rank: Int
    ) -> Columns? {
        guard let axis = resolvedAxis(split.axis, rank: rank),
            let position = node.outputs.firstIndex(of: columns.value),
            let lengths = node.outputs.prefix(position).map({ draft.type(of: $0).shape[axis] }).lengths
        else { return nil }
        return shifted(columns.of(x), axis, by: lengths.reduce(0, +), rank)
    }

    /// The columns `offset` further along an axis: of features, or of time where the step is fixed.
    private func shifted(_ columns: Columns, _ axis: Int, by offset: Int, _ rank: Int) -> Columns? {
        var result = columns
        if axis == rank - 1 {
            result.range = (columns.range.lowerBound + offset)..<(columns.range.upperBound + offset)
            return result
        }
        guard let step = columns.step, step.axis == axis, case .fixed(let index) = step.index else { return nil }
        result.step?.index = .fixed(index + offset)
        return result
    }

    private func sliced(_ columns: Columns, _ slice: Slice, _ x: Graph.ValueID, _ rank: Int) -> Columns? {
        let type = draft.type(of: x)
        guard let starts = slice.starts.values, let ends = slice.ends.values,
            let axes = slice.axes.map(\.values) ?? Array(starts.indices),
            slice.steps.map({ $0.values?.allSatisfy { $0 == 1 } ?? false }) ?? true
        else { return nil }
        var result: Columns? = columns.of(x)
        for (place, axis) in axes.enumerated() {
            guard let axis = resolvedAxis(axis, rank: rank) else { return nil }
            let isWhole = starts[place] == 0 && ends[place] >= (type.shape[axis].length ?? Int(Int32.max))
            if isWhole { continue }
            var start = starts[place]
            if start < 0 {
                guard let length = type.shape[axis].length else { return nil }
                start = max(0, start + length)
            }
            result = result.flatMap { shifted($0, axis, by: start, rank) }
        }
        return result
    }

    private func joined(
        _ columns: Columns, _ node: GraphDraft.Node, _ concatenate: Concatenate, _ rank: Int
    ) -> Columns? {
        guard let axis = resolvedAxis(concatenate.axis, rank: rank) else { return nil }
        var start = 0
        for part in node.inputs.compactMap({ $0 }) {
            guard let length = draft.type(of: part).shape[axis].length else { return nil }
            let place = start..<(start + length)
            if axis == rank - 1 {
                if place.lowerBound <= columns.range.lowerBound && columns.range.upperBound <= place.upperBound {
                    return shifted(columns.of(part), axis, by: -start, rank)
                }
            } else if let step = columns.step, step.axis == axis, case .fixed(let index) = step.index,
                place.contains(index)
            {
                return shifted(columns.of(part), axis, by: -start, rank)
            }
            start += length
        }
        return nil
    }

    private func gathered(
        _ columns: Columns, _ gather: Gather, _ x: Graph.ValueID, _ place: Graph.ValueID?
    ) -> Columns? {
        let type = draft.type(of: x)
        guard columns.step == nil, type.rank == 3, let axis = resolvedAxis(gather.axis, rank: 3), axis < 2, let place
        else { return nil }
        if counters.contains(place) {
            return Columns(value: x, step: .init(axis: axis, index: .round), range: columns.range)
        }
        guard let known = draft.constant(place), known.count == 1, var index = known.ints.first else { return nil }
        if index < 0 {
            guard let length = type.shape[axis].length else { return nil }
            index += length
        }
        return Columns(value: x, step: .init(axis: axis, index: .fixed(index)), range: columns.range)
    }

    /// An axis of length one that comes or goes.
    private func reshaped(_ columns: Columns, _ x: Graph.ValueID) -> Columns? {
        let (from, to) = (draft.type(of: x).shape, draft.type(of: columns.value).shape)
        guard from.last == to.last, from.last?.length != nil, from.count >= 2, to.count >= 2 else { return nil }
        if from.count == 3, to.count == 2, columns.step == nil, let axis = addedAxis(columns.value, from) {
            return Columns(value: x, step: .init(axis: axis, index: .fixed(0)), range: columns.range)
        }
        if from.count == 2, to.count == 3, let step = columns.step, addedAxis(columns.value, to) == step.axis {
            return Columns(value: x, step: nil, range: columns.range)
        }
        return nil
    }

    /// The axis of length one that the node behind `value` adds or drops, of the larger shape.
    private func addedAxis(_ value: Graph.ValueID, _ larger: [Dimension]) -> Int? {
        guard let index = draft.producer(of: value) else { return nil }
        switch draft.nodes[index].layer.operation {
        case let squeeze as Squeeze:
            if let axes = squeeze.axes?.values, axes.count == 1 { return resolvedAxis(axes[0], rank: 3) }
        case let unsqueeze as Unsqueeze:
            if let axes = unsqueeze.axes.values, axes.count == 1 { return resolvedAxis(axes[0], rank: 3) }
        default: break
        }
        let ones = (0..<2).filter { larger[$0] == .fixed(1) }
        return ones.count == 1 ? ones[0] : nil
    }
}
