public import FerryEngine

/// The recurrence of Elman (1990): h′ = τ(x·W + h·U + b).
///
/// Inputs: x [batch, time, features], and optionally h [batch, units]. Outputs: [batch, time, units] or
/// [batch, units], then h where states are returned.
public struct SimpleRNN: RecurrentOperator, Hashable {
    public static let kind = "SimpleRNN"

    /// The length of h.
    public var units: Int
    /// τ
    public var activation: ActivationFunction
    public var useBias = true
    /// The bound on what the activation is given.
    public var clip: Float?
    public var options = RecurrentOptions()
    public var kernel = ParameterPolicy(.glorotUniform)
    public var recurrentKernel = ParameterPolicy(.orthogonal(gain: 1))
    public var bias = ParameterPolicy(.zeros)

    /// Keras's defaults.
    public init(_ units: Int, activation: ActivationFunction = .tanh, returnSequences: Bool = false) {
        self.units = units
        self.activation = activation
        options.returnSequences = returnSequences
    }

    public var stateSizes: [Int] { [units] }
    public var outputSize: Int { units }

    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        let specs = [
            ParameterSpec("kernel", [try featureCount(inputs), units], policy: kernel),
            ParameterSpec("recurrent_kernel", [units, units], policy: recurrentKernel),
        ]
        return useBias ? specs + [ParameterSpec("bias", [units], policy: bias)] : specs
    }

    public func cell(_ parameters: ParameterSet) throws -> any RecurrentCell {
        SimpleRNNCell(
            rnn: self, kernel: try parameters.required("kernel"),
            recurrentKernel: try parameters.required("recurrent_kernel"),
            bias: useBias ? try parameters.required("bias") : nil)
    }
}

/// One step of a ``SimpleRNN`` by its equation.
struct SimpleRNNCell: RecurrentCell {
    let rnn: SimpleRNN
    let kernel: Tensor
    let recurrentKernel: Tensor
    let bias: Tensor?

    func stateShapes(batch: Int) -> [[Int]] { [[batch, rnn.units]] }

    func step(_ x: Tensor, _ states: [Tensor]) throws -> (output: Tensor, states: [Tensor]) {
        var sum = x.matmul(kernel) + states[0].matmul(recurrentKernel)
        if let bias { sum = sum + bias }
        let h = try rnn.activation(sum.clipped(rnn.clip))
        return (h, [h])
    }
}
