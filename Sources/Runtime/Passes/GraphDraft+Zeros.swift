import FerryEngine

extension GraphDraft {
    /// Whether every element of a value is zero, whatever the inputs are, as far as its last steps tell.
    func isZero(_ value: Graph.ValueID?) -> Bool { isZero(value, steps: 12) }

    // Without the bound, a pass that asks for each value of a long chain would walk the chain each time.
    private func isZero(_ value: Graph.ValueID?, steps: Int) -> Bool {
        if let tensor = constant(value) { return tensor.dtype.isFloat && tensor.floats.allSatisfy { $0 == 0 } }
        guard steps > 0, let index = producer(of: value) else { return false }
        let node = nodes[index]
        func comesFromZeros() -> Bool { isZero(node.inputs[0], steps: steps - 1) }
        switch node.layer.operation {
        case let fill as Fill: return fill.value.dtype.isFloat && fill.value.floats == [0]
        case is Concatenate: return node.inputs.allSatisfy { isZero($0, steps: steps - 1) }
        case is Expand, is Squeeze, is Unsqueeze, is Transpose, is TensorReshape, is Gather, is Slice, is Tile, is Cast,
            is Reverse, is Split:
            return comesFromZeros()
        case let reduction as Reduction: return reduction.function == .sum && comesFromZeros()
        case is Convolution:
            // TensorFlow makes the states of a ConvLSTM by convolving zeros.
            return node.inputs.count == 2 && constant(node.inputs[1]) != nil && comesFromZeros()
        case let conv as Conv: return !conv.useBias && conv.activation == .linear && comesFromZeros()
        default: return false
        }
    }
}
