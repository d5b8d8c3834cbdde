public import FerryEngine

/// y = T∘τ(x·W + b) + (1 − T)∘x with T = σ(x·W_carry + b_carry), on vectors [batch, features] (Srivastava et al. 2015,
/// equation 3; `Highway` of Keras 1).
public struct Highway: Operator, Hashable {
    public static let kind = "Highway"

    /// τ
    public var activation: ActivationFunction
    public var useBias = true
    public var kernel = ParameterPolicy(.glorotUniform)
    public var bias = ParameterPolicy(.zeros)

    /// Keras's defaults.
    public init(activation: ActivationFunction = .linear) { self.activation = activation }

    public var timeLocality: TimeLocality { .perStep }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard inputs[0].rank == 2 else {
            throw FerryError(.shape, found: "input \(inputs[0].shape)", expected: "[batch, features]")
        }
        return [inputs[0].with(dtype: .float32)]
    }

    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        guard let features = inputs[0].shape.last?.length else {
            throw FerryError(.shape, found: "input \(inputs[0].shape)", expected: "a fixed number of features")
        }
        let kernels = ["W", "W_carry"].map { ParameterSpec($0, [features, features], policy: kernel) }
        let biases = [
            ParameterSpec("b", [features], policy: bias),
            ParameterSpec("b_carry", [features], policy: ParameterPolicy(.ones)),
        ]
        return kernels + (useBias ? biases : [])
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor.cast(to: .float32)
        func affine(_ kernel: String, _ bias: String) throws -> Tensor {
            let product = x.matmul(try parameters.required(kernel))
            return useBias ? product + (try parameters.required(bias)) : product
        }
        let gate = try ActivationFunction.sigmoid(affine("W_carry", "b_carry"))
        let transformed = try activation(affine("W", "b"))
        return [Signal(gate * transformed + (Tensor(scalar: Float(1)) - gate) * x)]
    }
}
