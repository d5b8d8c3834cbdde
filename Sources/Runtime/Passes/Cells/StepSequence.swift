import FerryEngine

/// The inputs of steps as one sequence.
struct StepSequence {
    enum Kind {
        /// Elements of one value along one axis.
        case elements(Graph.ValueID, axis: Int, indices: [Int], range: Range<Int>)
        /// Values of their own.
        case values([Graph.ValueID])
    }

    let kind: Kind
    var axis: Int { if case .elements(_, let axis, _, _) = kind { axis } else { 1 } }

    /// Which elements the steps take, where all are of one value.
    var indices: [Int]? { if case .elements(_, _, let indices, _) = kind { indices } else { nil } }

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
