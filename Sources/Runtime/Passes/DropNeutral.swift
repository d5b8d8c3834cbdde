import FerryEngine

/// A product with ones, a sum with zeros: what they are applied to.
enum DropNeutral: Pass {
    static let summary = "drop products with ones and sums with zeros"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let arithmetic = node.layer.operation as? Arithmetic, node.inputs.count == 2 else { return false }
        let pairs = [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])]
        for (place, (x, neutral)) in pairs.enumerated() {
            guard let x, let neutral, draft.constant(x) == nil else { continue }
            let isNeutral: Bool
            switch arithmetic.function {
            case .multiply: isNeutral = draft.isFilled(neutral, with: 1)
            case .divide: isNeutral = place == 0 && draft.isFilled(neutral, with: 1)
            case .add: isNeutral = draft.isZero(neutral)
            case .subtract: isNeutral = place == 0 && draft.isZero(neutral)
            default: return false
            }
            guard isNeutral, draft.spreads(neutral, into: x) else { continue }
            draft.redirect(node.outputs[0], to: x)
            return true
        }
        return false
    }
}

extension GraphDraft {
    /// Whether every element of a value is one number, whatever the inputs are.
    func isFilled(_ value: Graph.ValueID?, with number: Float) -> Bool {
        if let tensor = constant(value) {
            return tensor.dtype == .float32 && tensor.count > 0 && tensor.floats.allSatisfy { $0 == number }
        }
        guard let index = producer(of: value) else { return false }
        switch nodes[index].layer.operation {
        case let fill as Fill: return fill.value.dtype == .float32 && fill.value.floats == [number]
        case is Expand, is Tile, is Squeeze, is Unsqueeze, is TensorReshape, is Transpose:
            return isFilled(nodes[index].inputs[0], with: number)
        default: return false
        }
    }

    /// Whether a value broadcasts into the shape of another, which stays as it is.
    func spreads(_ value: Graph.ValueID, into other: Graph.ValueID) -> Bool {
        let (small, large) = (type(of: value).shape, type(of: other).shape)
        guard small.count <= large.count else { return false }
        if let index = producer(of: value), let fill = nodes[index].layer.operation as? Fill,
            let slot = fill.shape.slot,
            let (shape, operation) = producer(of: nodes[index].inputs[slot], ShapeOf.self),
            operation.range(rank: large.count) == 0..<large.count
        {
            return nodes[shape].inputs[0] == other
        }
        return small.indices.allSatisfy { axis in
            let place = axis + large.count - small.count
            return small[axis] == .fixed(1) || small[axis] == large[place] && small[axis] != .unknown
                || origin(AxisOrigin(value: value, axis: axis)) == origin(AxisOrigin(value: other, axis: place))
        }
    }
}
