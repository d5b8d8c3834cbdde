package import FerryEngine
package import FerryRuntime

/// The operator RNN; see ``ONNXRecurrent``.
extension SimpleRNN: ONNXRecurrent {
    package static let onnxOperator = "RNN"

    package var onnxActivations: [ActivationFunction] { [activation] }
    package var onnxAttributes: [ONNXAttribute] { [] }

    package func onnxWeights(_ parameters: ParameterSet) throws -> ONNXRecurrentWeights {
        let bias = useBias ? try parameters.float32("bias") : nil
        return ONNXRecurrentWeights(
            kernel: try parameters.float32("kernel").transposed([1, 0]),
            recurrentKernel: try parameters.float32("recurrent_kernel").transposed([1, 0]),
            bias: bias.map { .concatenated([$0, Tensor(zeros: $0.shape)], axis: 0) })
    }

    package func emitProjection(
        of x: String, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> String {
        let product = emitter.apply("MatMul", x, emitter.parameter("kernel", try parameters.float32("kernel")))
        guard useBias else { return product }
        return emitter.apply("Add", product, emitter.parameter("bias", try parameters.float32("bias")))
    }

    package func emitStep(
        _ projection: String, _ states: [String], _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [String] {
        let kernel = emitter.parameter("recurrent_kernel", try parameters.float32("recurrent_kernel"))
        let sum = emitter.apply("Add", projection, emitter.apply("MatMul", states[0], kernel))
        return [emitter.activate(sum, activation, clip: clip, units: units)]
    }
}
