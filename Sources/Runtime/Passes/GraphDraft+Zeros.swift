import FerryEngine

extension GraphDraft {
    /// Whether every element of a value is zero, whatever the inputs are.
    func isZero(_ value: Graph.ValueID?) -> Bool {
        if let tensor = constant(value) { return tensor.dtype.isFloat && tensor.floats.allSatisfy { $0 == 0 } }
        guard let index = producer(of: value) else { return false }
        let node = nodes[index]
        switch node.layer.operation {
        case let fill as Fill: return fill.value.dtype.isFloat && fill.value.floats == [0]
        case is Concatenate: return node.inputs.allSatisfy(isZero)
        case is Expand, is Squeeze, is Unsqueeze, is Transpose, is TensorReshape, is Gather, is Slice, is Tile, is Cast,
            is Reverse, is Split:
            return isZero(node.inputs[0])
        case let reduction as Reduction: return reduction.function == .sum && isZero(node.inputs[0])
        case is Convolution:
            // TensorFlow makes the states of a ConvLSTM by convolving zeros.
            return node.inputs.count == 2 && isZero(node.inputs[0]) && constant(node.inputs[1]) != nil
        case let conv as Conv: return !conv.useBias && conv.activation == .linear && isZero(node.inputs[0])
        default: return false
        }
    }
}
