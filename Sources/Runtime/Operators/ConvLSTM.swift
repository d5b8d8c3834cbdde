public import FerryEngine

/// An ``LSTM`` whose products are convolutions over one to three axes (Shi et al. 2015).
///
/// Inputs: x [batch, time, …, features] and optionally h and c [batch, …, filters]. Outputs: [batch, time, …, filters]
/// or [batch, …, filters], then h and c where states are returned. Features may come first, as in ``Conv``.
public struct ConvLSTM: Operator, Hashable {
    public static let kind = "ConvLSTM"

    /// The number of features of h and c.
    public var filters: Int
    /// The window over the input; that over h is as large, one place at a time, and keeps the size.
    public var window: SpatialOptions
    /// Applied to the candidate and to the new cell state.
    public var activation: ActivationFunction
    /// Applied to the gates.
    public var recurrentActivation: ActivationFunction
    public var useBias = true
    /// Whether the forget gate's bias starts at 1; without influence on given weights.
    public var unitForgetBias = true
    public var options = RecurrentOptions()
    public var kernel = ParameterPolicy(.glorotUniform)
    public var recurrentKernel = ParameterPolicy(.orthogonal(gain: 1))
    public var bias = ParameterPolicy(.zeros)

    /// Keras 3's defaults.
    public init(
        _ filters: Int, _ window: SpatialOptions, activation: ActivationFunction = .tanh,
        recurrentActivation: ActivationFunction = .sigmoid
    ) {
        self.filters = filters
        self.window = window
        self.activation = activation
        self.recurrentActivation = recurrentActivation
    }

    public var arity: ClosedRange<Int> { 1...3 }
    public var isStateful: Bool { options.isStateful }
    public func carriesMask(inputs: [Bool]) -> Bool { options.returnSequences && inputs[0] }
    public var timeLocality: TimeLocality { options.goBackwards ? .wholeSequence : .recurrent }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let (step, time) = try step(inputs[0])
        _ = try window.features(step)
        let shape = try window.outputShape(step.shape, features: .fixed(filters))
        let state = ValueType(.float32, shape)
        let sequence = ValueType(.float32, [shape[0], time] + shape.dropFirst())
        let output = options.returnSequences ? sequence : state
        return options.returnState ? [output, state, state] : [output]
    }

    /// kernel […, features, 4 · filters], recurrent_kernel […, filters, 4 · filters], bias [4 · filters].
    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        let features = try window.features(step(inputs[0]).type)
        let specs = [
            ParameterSpec("kernel", window.size + [features, 4 * filters], policy: kernel),
            ParameterSpec("recurrent_kernel", window.size + [filters, 4 * filters], policy: recurrentKernel),
        ]
        return useBias ? specs + [ParameterSpec("bias", [4 * filters], policy: bias)] : specs
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let (step, _) = try step(ValueType(of: inputs[0].tensor))
        let shape = try window.outputShape(step.shape, features: .fixed(filters)).compactMap(\.length)
        let cell = ConvLSTMCell(
            layer: self, stateShape: Array(shape.dropFirst()), kernel: try parameters.required("kernel"),
            recurrentKernel: try parameters.required("recurrent_kernel"),
            bias: useBias ? try parameters.required("bias") : nil)
        let initial = inputs.dropFirst(1).present.map { $0.tensor.cast(to: .float32) }
        return try runSequence(cell, inputs[0], initial: initial, options, &state)
    }

    /// The type of one time step, [batch, …], and the time axis.
    private func step(_ input: ValueType) throws -> (type: ValueType, time: Dimension) {
        guard input.rank == window.axes + 3 else {
            throw FerryError(
                .shape, found: "input \(input.shape)", expected: "[batch, time], \(window.axes) axes and features")
        }
        return (input.with(shape: Array(input.shape.prefix(1) + input.shape.dropFirst(2))), input.shape[1])
    }
}

/// One step of a ``ConvLSTM``.
private struct ConvLSTMCell: RecurrentCell {
    let layer: ConvLSTM
    /// The axes of h and c without the batch.
    let stateShape: [Int]
    let kernel: Tensor
    let recurrentKernel: Tensor
    let bias: Tensor?

    func stateShapes(batch: Int) -> [[Int]] { Array(repeating: [batch] + stateShape, count: 2) }

    func step(_ x: Tensor, _ states: [Tensor]) throws -> (output: Tensor, states: [Tensor]) {
        var recurrent = SpatialOptions(size: layer.window.size, padding: .same)
        recurrent.channelsFirst = layer.window.channelsFirst
        let sum =
            try convolved(x, kernel, bias, layer.window, groups: 1)
            + convolved(states[0], recurrentKernel, nil, recurrent, groups: 1)
        return try layer.newStates(sum, c: states[1])
    }
}

extension ConvLSTM {
    /// The new output and states of a step, from what goes into the gates i, f, c, o, side by side.
    func newStates(_ sum: Tensor, c: Tensor) throws -> (output: Tensor, states: [Tensor]) {
        let axis = window.channelsFirst ? 1 : sum.rank - 1
        let gates = sum.split(axis: axis, lengths: Array(repeating: filters, count: 4))
        let newC = try recurrentActivation(gates[1]) * c + recurrentActivation(gates[0]) * activation(gates[2])
        let h = try recurrentActivation(gates[3]) * activation(newC)
        return (h, [h, newC])
    }
}
