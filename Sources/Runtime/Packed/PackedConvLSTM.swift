public import FerryEngine

extension ConvLSTM {
    public func prepare(_ parameters: ParameterSet, _ packing: Packing) throws -> any PreparedOperator {
        guard !window.channelsFirst else { return PlainOperator(operation: self, parameters: parameters) }
        let bias = useBias ? try parameters.required("bias") : nil
        return PackedConvLSTM(
            layer: self, input: PackedWindows(window, try parameters.required("kernel"), bias: bias, packing),
            recurrent: PackedWindows(
                SpatialOptions(size: window.size, padding: .same), try parameters.required("recurrent_kernel"),
                bias: nil, packing))
    }
}

/// A ``ConvLSTM`` whose windows are packed.
struct PackedConvLSTM: PreparedOperator {
    let layer: ConvLSTM
    /// The convolutions over x and over h, all gates at once.
    let input: PackedWindows
    let recurrent: PackedWindows

    func run(_ inputs: Slots<Signal>, _ state: inout LayerState) throws -> [Signal] {
        let x = inputs[0].tensor
        let step = ValueType(.float32, (x.shape.prefix(1) + x.shape.dropFirst(2)).map(Dimension.fixed))
        let lengths = try layer.window.outputShape(step.shape, features: .fixed(layer.filters)).compactMap(\.length)
        let zeros = Tensor(zeros: [1] + lengths.dropFirst())
        let cell = PackedConvLSTMCell(
            layer: self, stateShape: Array(lengths.dropFirst()),
            inputMap: try input.map(Tensor(zeros: [1] + x.shape.dropFirst(2))), recurrentMap: try recurrent.map(zeros))
        let initial = inputs.dropFirst(1).present.map { $0.tensor.cast(to: .float32) }
        return try runSequence(cell, inputs[0], initial: initial, layer.options, &state)
    }
}

/// One step of a ``PackedConvLSTM`` over inputs of one size.
private struct PackedConvLSTMCell: RecurrentCell {
    let layer: PackedConvLSTM
    /// The axes of h and c without the batch.
    let stateShape: [Int]
    let inputMap: PackedWindows.Map
    let recurrentMap: PackedWindows.Map

    func stateShapes(batch: Int) -> [[Int]] { Array(repeating: [batch] + stateShape, count: 2) }

    func step(_ x: Tensor, _ states: [Tensor]) throws -> (output: Tensor, states: [Tensor]) {
        let sum = layer.input(x, inputMap) + layer.recurrent(states[0], recurrentMap)
        return try layer.layer.newStates(sum, c: states[1])
    }
}
