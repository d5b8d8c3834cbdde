public import FerryEngine

/// Gated recurrent unit (Cho et al. 2014).
///
///     z = σ(x·W_z + h·U_z + b_z)    r = σ(x·W_r + h·U_r + b_r)
///     reset after:   n = τ(x·W_n + b_n + r∘(h·U_n + bʳ_n))    (cuDNN, PyTorch, ONNX `linear_before_reset` = 1)
///     reset before:  n = τ(x·W_n + b_n + (r∘h)·U_n)
///     h′ = z∘h + (1 − z)∘n
///
/// Inputs: x [batch, time, features], and optionally h [batch, units]. Outputs: [batch, time, units] or
/// [batch, units], then h where states are returned.
public struct GRU: RecurrentOperator, Hashable {
    public static let kind = "GRU"
    /// The order of the gates along the last axis of every parameter, which is Keras's.
    public static let gateOrder: GateOrder = [.update, .reset, .new]

    /// The length of h.
    public var units: Int
    /// τ, applied to the candidate.
    public var activation: ActivationFunction
    /// σ, applied to the gates.
    public var recurrentActivation: ActivationFunction
    public var useBias = true
    /// Whether the reset gate acts after the product with the recurrent kernel; then the bias has two rows,
    /// [input and recurrent, 3 · units].
    public var resetAfter: Bool
    /// The bound on what the activations are given.
    public var clip: Float?
    public var options = RecurrentOptions()
    public var kernel = ParameterPolicy(.glorotUniform)
    public var recurrentKernel = ParameterPolicy(.orthogonal(gain: 1))
    public var bias = ParameterPolicy(.zeros)

    /// Keras 3's defaults.
    public init(
        _ units: Int, activation: ActivationFunction = .tanh, recurrentActivation: ActivationFunction = .sigmoid,
        resetAfter: Bool = true, returnSequences: Bool = false
    ) {
        self.units = units
        self.activation = activation
        self.recurrentActivation = recurrentActivation
        self.resetAfter = resetAfter
        options.returnSequences = returnSequences
    }

    public var stateSizes: [Int] { [units] }
    public var outputSize: Int { units }

    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        let features = try featureCount(inputs)
        let specs = [
            ParameterSpec("kernel", [features, 3 * units], policy: kernel),
            ParameterSpec("recurrent_kernel", [units, 3 * units], policy: recurrentKernel),
        ]
        guard useBias else { return specs }
        return specs + [ParameterSpec("bias", resetAfter ? [2, 3 * units] : [3 * units], policy: bias)]
    }

    public func cell(_ parameters: ParameterSet) throws -> any RecurrentCell {
        GRUCell(
            gru: self, kernel: try parameters.required("kernel"),
            recurrentKernel: try parameters.required("recurrent_kernel"),
            bias: useBias ? try parameters.required("bias") : nil)
    }
}

/// One step of a ``GRU`` by its equations.
struct GRUCell: RecurrentCell {
    let gru: GRU
    let kernel: Tensor
    let recurrentKernel: Tensor
    /// [2, 3 · units] where the reset acts after the product, else [3 · units].
    let bias: Tensor?

    func stateShapes(batch: Int) -> [[Int]] { [[batch, gru.units]] }

    func step(_ x: Tensor, _ states: [Tensor]) throws -> (output: Tensor, states: [Tensor]) {
        let h = states[0]
        let biases = bias.map { $0.reshaped([$0.count / (3 * gru.units), 3 * gru.units]) }
        func gates(_ product: Tensor, biasRow: Int) -> [Tensor] {
            var sums = product
            if let biases, biasRow < biases.shape[0] { sums = sums + biases.sliced(axis: 0, from: biasRow, count: 1) }
            return sums.split(axis: 1, lengths: [Int](repeating: gru.units, count: 3))
        }
        let fromInput = gates(x.matmul(kernel), biasRow: 0)
        let fromState = gates(h.matmul(recurrentKernel), biasRow: 1)

        let z = try gru.recurrentActivation((fromInput[0] + fromState[0]).clipped(gru.clip))
        let r = try gru.recurrentActivation((fromInput[1] + fromState[1]).clipped(gru.clip))
        let newKernel = recurrentKernel.sliced(axis: 1, from: 2 * gru.units, count: gru.units)
        let recurrent = gru.resetAfter ? r * fromState[2] : (r * h).matmul(newKernel)
        let n = try gru.activation((fromInput[2] + recurrent).clipped(gru.clip))
        let newH = z * h + (Tensor(scalar: Float(1)) - z) * n
        return (newH, [newH])
    }
}
