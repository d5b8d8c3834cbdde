public import FerryEngine

/// y = τ(x·W + b) along the last axis; inputs of any rank from 2, [batch, …, features].
public struct Dense: Operator, Hashable {
    public static let kind = "Dense"

    /// The length of the last axis of the output.
    public var units: Int
    /// τ
    public var activation: ActivationFunction
    public var useBias = true
    public var kernel = ParameterPolicy(.glorotUniform)
    public var bias = ParameterPolicy(.zeros)

    /// Keras's defaults.
    public init(_ units: Int, activation: ActivationFunction = .linear) {
        self.units = units
        self.activation = activation
    }

    public func carriesMask(inputs: [Bool]) -> Bool { inputs[0] }
    public var timeLocality: TimeLocality { .perStep }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard inputs[0].rank >= 2 else {
            throw FerryError(.shape, found: "input \(inputs[0].shape)", expected: "[batch, …, features]")
        }
        return [ValueType(.float32, inputs[0].shape.dropLast() + [.fixed(units)])]
    }

    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        guard let features = inputs[0].shape.last?.length else {
            throw FerryError(.shape, found: "input \(inputs[0].shape)", expected: "a fixed number of features")
        }
        let kernel = ParameterSpec("kernel", [features, units], policy: kernel)
        return useBias ? [kernel, ParameterSpec("bias", [units], policy: bias)] : [kernel]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let kernel = try parameters.required("kernel")
        let x = inputs[0].tensor.cast(to: .float32)
        var y = x.reshaped([x.count / kernel.shape[0], kernel.shape[0]]).matmul(kernel)
        if useBias { y = y + (try parameters.required("bias")) }
        return [Signal(try activation(y.reshaped(x.shape.dropLast() + [units])), mask: inputs[0].mask)]
    }
}
