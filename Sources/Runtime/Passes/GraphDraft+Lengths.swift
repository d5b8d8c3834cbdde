import FerryEngine

/// One axis of a value, as the end of a chain of nodes that keep its length.
struct AxisOrigin: Hashable {
    var value: Graph.ValueID
    var axis: Int
}

extension GraphDraft {
    /// Whether a number is the length of an axis, whatever the inputs are.
    func isLength(_ number: Graph.ValueID?, of value: Graph.ValueID, axis: Int) -> Bool {
        let length = type(of: value).shape[axis]
        if let known = constant(number), known.count == 1,
            !known.dtype.isFloat || known.floats[0].rounded() == known.floats[0]
        {
            return length == .fixed(Int(known.cast(to: .int64).ints[0]))
        }
        guard let counted = countedAxis(number) else { return false }
        let (a, b) = (origin(counted), origin(AxisOrigin(value: value, axis: axis)))
        if a == b { return true }
        let name = type(of: a.value).shape[a.axis]
        return name != .unknown && name == type(of: b.value).shape[b.axis]
    }

    /// The axis whose length a number is.
    func countedAxis(_ number: Graph.ValueID?) -> AxisOrigin? { countedAxis(number, element: 0) }

    /// The axis whose length an element of a list is.
    func elementAxis(_ value: Graph.ValueID?, _ element: Int) -> AxisOrigin? { countedAxis(value, element: element) }

    private func countedAxis(_ value: Graph.ValueID?, element: Int) -> AxisOrigin? {
        guard let value, let index = producer(of: value), let x = nodes[index].inputs.first ?? nil else { return nil }
        let node = nodes[index]
        switch node.layer.operation {
        case let shape as ShapeOf:
            let range = shape.range(rank: type(of: x).rank)
            return range.indices.contains(range.lowerBound + element)
                ? AxisOrigin(value: x, axis: range.lowerBound + element) : nil
        case is Cast, is Squeeze, is Unsqueeze, is TensorReshape: return countedAxis(x, element: element)
        case let reduction as Reduction where [.maximum, .minimum, .sum, .product, .mean].contains(reduction.function):
            // Of one number.
            return type(of: x).rank == 0 || type(of: x).shape == [.fixed(1)] ? countedAxis(x, element: 0) : nil
        case let slice as Slice:
            guard let starts = slice.starts.values, starts.count == 1, starts[0] >= 0,
                slice.steps == nil || slice.steps?.values == [1]
            else {
                return nil
            }
            return countedAxis(x, element: starts[0] + element)
        case let gather as Gather:
            guard gather.axis == 0, let place = constant(node.inputs[1]), element < place.count,
                place.ints[element] >= 0
            else { return nil }
            return countedAxis(x, element: place.ints[element])
        case is Concatenate:
            var first = 0
            for part in node.inputs.compactMap({ $0 }) {
                guard let count = type(of: part).rank == 0 ? 1 : type(of: part).shape[0].length else { return nil }
                if element < first + count { return countedAxis(part, element: element - first) }
                first += count
            }
            return nil
        default: return nil
        }
    }

    /// Where an axis comes from, through nodes that keep its length.
    func origin(_ axis: AxisOrigin) -> AxisOrigin {
        var current = axis
        while let next = kept(current) { current = next }
        return current
    }

    private func kept(_ axis: AxisOrigin) -> AxisOrigin? {
        guard let index = producer(of: axis.value), let x = nodes[index].inputs.first ?? nil else { return nil }
        let node = nodes[index]
        let rank = type(of: axis.value).rank
        func same(_ value: Graph.ValueID) -> AxisOrigin { AxisOrigin(value: value, axis: axis.axis) }
        switch node.layer.operation {
        case is Reverse, is ReverseSequence, is Cast, is Activation, is Elementwise, is Masking, is LayerNormalization,
            is BatchNormalization:
            return same(x)
        case is Embedding, is Dense: return axis.axis < rank - 1 ? same(x) : nil
        case is TimeDistributed where axis.axis < 2: return same(x)
        case let gather as Gather:
            // The axes of the places stand where the axis that they pick from was.
            guard gather.axis == 0, let places = node.inputs[1], axis.axis < type(of: places).rank else { return nil }
            return same(places)
        case is MatMul where axis.axis < rank - 1 && type(of: x).rank == rank: return same(x)
        case let concatenate as Concatenate where resolvedAxis(concatenate.axis, rank: rank) != axis.axis:
            return same(x)
        case let transpose as Transpose:
            return AxisOrigin(value: x, axis: transpose.resolved(rank: rank)[axis.axis])
        case let squeeze as Squeeze:
            guard let axes = squeeze.axes?.values, let gone = try? checkedAxes(axes, rank: type(of: x).rank) else {
                return nil
            }
            let left = type(of: x).shape.indices.filter { !gone.contains($0) }
            return AxisOrigin(value: x, axis: left[axis.axis])
        case let unsqueeze as Unsqueeze:
            guard let axes = unsqueeze.axes.values, let added = try? checkedAxes(axes, rank: rank),
                !added.contains(axis.axis)
            else { return nil }
            return AxisOrigin(value: x, axis: axis.axis - added.count { $0 < axis.axis })
        case let slice as Slice:
            guard let axes = slice.axes?.values, !axes.contains(where: { resolvedAxis($0, rank: rank) == axis.axis })
            else {
                return nil
            }
            return same(x)
        case is Arithmetic, is Merge, is Comparison, is Logic:
            return broadcastOrigin(axis, node)
        case let layer as any RecurrentOperator: return kept(axis, node, x, layer.options)
        case let pair as Bidirectional: return kept(axis, node, x, pair.forward.options)
        default: return nil
        }
    }

    /// The operand that has the axis at its full length, where all others are constants or have it at length one.
    private func broadcastOrigin(_ axis: AxisOrigin, _ node: Node) -> AxisOrigin? {
        let rank = type(of: axis.value).rank
        let owners = node.inputs.compactMap { $0 }.compactMap { input -> AxisOrigin? in
            let place = axis.axis - (rank - type(of: input).rank)
            return place < 0 || type(of: input).shape[place] == .fixed(1) ? nil : AxisOrigin(value: input, axis: place)
        }
        let origins = Set(owners.map(origin))
        return origins.count == 1 ? origins.first : nil
    }

    private func kept(_ axis: AxisOrigin, _ node: Node, _ x: Graph.ValueID, _ options: RecurrentOptions) -> AxisOrigin?
    {
        if type(of: axis.value).rank == 3 {
            return axis.axis < 2 ? AxisOrigin(value: x, axis: axis.axis) : nil
        }
        return axis.axis == 0 ? AxisOrigin(value: x, axis: options.timeMajor ? 1 : 0) : nil
    }
}
