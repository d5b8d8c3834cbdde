public import FerryEngine

/// Long short-term memory (Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000).
///
///     i = σ(x·Wᵢ + h·Uᵢ + bᵢ [+ pᵢ∘c])        c′ = f∘c + i∘g
///     f = σ(x·W_f + h·U_f + b_f [+ p_f∘c])    o = σ(x·Wₒ + h·Uₒ + bₒ [+ pₒ∘c′])
///     g = τ(x·W_c + h·U_c + b_c)              h′ = o∘τ(c′) [·P]
///
/// Inputs: x [batch, time, features], and optionally h and c [batch, units]. Outputs: [batch, time, units] or
/// [batch, units], then h and c where states are returned. The terms in brackets are the peepholes of ONNX, and the
/// projection of PyTorch (Sak et al. 2014), with which h and the output have `projection` elements.
public struct LSTM: RecurrentOperator, Hashable {
    public static let kind = "LSTM"
    /// The order of the gates along the last axis of every parameter, which is Keras's.
    public static let gateOrder: GateOrder = [.input, .forget, .cell, .output]

    /// The length of h and c.
    public var units: Int
    /// τ, applied to the candidate.
    public var activation: ActivationFunction
    /// σ, applied to the gates.
    public var recurrentActivation: ActivationFunction
    /// τ, applied to the new cell state; nil means ``activation``.
    public var outputActivation: ActivationFunction?
    public var useBias = true
    /// Whether gates see the cell state (Gers & Schmidhuber 2000).
    public var usesPeepholes = false
    /// The length of h where it is projected (PyTorch `proj_size`); nil where it is that of c.
    public var projection: Int?
    /// f = 1 − i (ONNX `input_forget`).
    public var couplesInputAndForget = false
    /// The bound on what the activations of the gates are given, as ONNX Runtime clips: not on c′.
    public var clip: Float?
    /// Whether the forget gate's bias starts at 1 (Jozefowicz et al. 2015); without influence on given weights.
    public var unitForgetBias = true
    public var options = RecurrentOptions()
    public var kernel = ParameterPolicy(.glorotUniform)
    public var recurrentKernel = ParameterPolicy(.orthogonal(gain: 1))
    public var bias = ParameterPolicy(.zeros)

    /// Keras 3's defaults.
    public init(
        _ units: Int, activation: ActivationFunction = .tanh, recurrentActivation: ActivationFunction = .sigmoid,
        returnSequences: Bool = false
    ) {
        self.units = units
        self.activation = activation
        self.recurrentActivation = recurrentActivation
        options.returnSequences = returnSequences
    }

    public var stateSizes: [Int] { [outputSize, units] }
    public var outputSize: Int { projection ?? units }

    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        let features = try featureCount(inputs)
        var specs = [
            ParameterSpec("kernel", [features, 4 * units], policy: kernel),
            ParameterSpec("recurrent_kernel", [outputSize, 4 * units], policy: recurrentKernel),
        ]
        if useBias { specs.append(ParameterSpec("bias", [4 * units], policy: bias)) }
        if let projection { specs.append(ParameterSpec("projection", [units, projection], policy: kernel)) }
        if usesPeepholes { specs.append(ParameterSpec("peephole", [3 * units])) }
        return specs
    }

    public func cell(_ parameters: ParameterSet) throws -> any RecurrentCell {
        LSTMCell(
            lstm: self, kernel: try parameters.required("kernel"),
            recurrentKernel: try parameters.required("recurrent_kernel"),
            bias: useBias ? try parameters.required("bias") : nil,
            peephole: usesPeepholes ? try parameters.required("peephole") : nil,
            projection: projection == nil ? nil : try parameters.required("projection"))
    }
}

/// One step of an ``LSTM`` by its equations.
struct LSTMCell: RecurrentCell {
    let lstm: LSTM
    let kernel: Tensor
    let recurrentKernel: Tensor
    let bias: Tensor?
    /// [input, forget, output], each [units].
    let peephole: Tensor?
    /// [units, projection]
    let projection: Tensor?

    func stateShapes(batch: Int) -> [[Int]] { lstm.stateSizes.map { [batch, $0] } }

    func step(_ x: Tensor, _ states: [Tensor]) throws -> (output: Tensor, states: [Tensor]) {
        let (h, c) = (states[0], states[1])
        var z = x.matmul(kernel) + h.matmul(recurrentKernel)
        if let bias { z = z + bias }
        let sums = z.split(axis: 1, lengths: [Int](repeating: lstm.units, count: 4))
        let peepholes = peephole?.split(axis: 0, lengths: [Int](repeating: lstm.units, count: 3))
        func seeing(_ c: Tensor, _ gate: Int, _ sum: Tensor) -> Tensor { peepholes.map { sum + $0[gate] * c } ?? sum }
        func gate(_ sum: Tensor) throws -> Tensor { try lstm.recurrentActivation(sum.clipped(lstm.clip)) }

        let i = try gate(seeing(c, 0, sums[0]))
        let f = lstm.couplesInputAndForget ? Tensor(scalar: Float(1)) - i : try gate(seeing(c, 1, sums[1]))
        let g = try lstm.activation(sums[2].clipped(lstm.clip))
        let newC = f * c + i * g
        let o = try gate(seeing(newC, 2, sums[3]))
        let hidden = o * (try (lstm.outputActivation ?? lstm.activation)(newC))
        let newH = projection.map { hidden.matmul($0) } ?? hidden
        return (newH, [newH, newC])
    }
}

extension Tensor {
    /// The elements held between −`bound` and `bound`.
    func clipped(_ bound: Float?) -> Tensor {
        guard let bound else { return self }
        return map { (x: Float) in min(max(x, -bound), bound) }
    }
}
