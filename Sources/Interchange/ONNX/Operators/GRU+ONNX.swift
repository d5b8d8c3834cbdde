package import FerryEngine
package import FerryRuntime

extension GRU {
    /// The order of the gates in ONNX's W, R and B.
    package static let onnxGateOrder: GateOrder = [.update, .reset, .new]
}

/// The operator GRU, `linear_before_reset` where the reset acts after the product; see ``ONNXRecurrent``.
extension GRU: ONNXRecurrent {
    package static let onnxOperator = "GRU"

    package var onnxActivations: [ActivationFunction] { [recurrentActivation, activation] }

    package var onnxAttributes: [ONNXAttribute] { [ONNXAttribute("linear_before_reset", .int(resetAfter ? 1 : 0))] }

    package func onnxWeights(_ parameters: ParameterSet) throws -> ONNXRecurrentWeights {
        func reordered(_ tensor: Tensor) -> Tensor {
            Self.gateOrder.reorder(tensor, axis: tensor.rank - 1, to: Self.onnxGateOrder)
        }
        let biases = try biases(parameters)?.map(reordered)
        return ONNXRecurrentWeights(
            kernel: reordered(try parameters.float32("kernel")).transposed([1, 0]),
            recurrentKernel: reordered(try parameters.float32("recurrent_kernel")).transposed([1, 0]),
            bias: biases.map { .concatenated($0, axis: 0) })
    }

    /// The biases of W and of R, [3 · units] each; the latter zero where the reset acts before the product.
    private func biases(_ parameters: ParameterSet) throws -> [Tensor]? {
        guard useBias else { return nil }
        let bias = try parameters.float32("bias")
        guard resetAfter else { return [bias, Tensor(zeros: bias.shape)] }
        return bias.split(axis: 0, lengths: [1, 1]).map { $0.reshaped([3 * units]) }
    }

    package func emitProjection(
        of x: String, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> String {
        let product = emitter.apply("MatMul", x, emitter.parameter("kernel", try parameters.float32("kernel")))
        guard let bias = try biases(parameters)?[0] else { return product }
        return emitter.apply("Add", product, emitter.parameter("bias", bias))
    }

    package func emitStep(
        _ projection: String, _ states: [String], _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [String] {
        let h = states[0]
        let fromInput = emitter.split(projection, axis: 1, lengths: [units, units, units])
        let kernel = try parameters.float32("recurrent_kernel")
        let gateKernel = resetAfter ? kernel : kernel.sliced(axis: 1, from: 0, count: 2 * units)
        var product = emitter.apply("MatMul", h, emitter.parameter("recurrent_kernel", gateKernel))
        if resetAfter, let bias = try biases(parameters)?[1] {
            product = emitter.apply("Add", product, emitter.parameter("recurrent_bias", bias))
        }
        let fromState = emitter.split(product, axis: 1, lengths: [Int](repeating: units, count: resetAfter ? 3 : 2))
        func gate(_ index: Int) -> String {
            let sum = emitter.apply("Add", fromInput[index], fromState[index])
            return emitter.activate(sum, recurrentActivation, clip: clip, units: units)
        }

        let (z, r) = (gate(0), gate(1))
        let recurrent: String
        if resetAfter {
            recurrent = emitter.apply("Mul", r, fromState[2])
        } else {
            let newKernel = kernel.sliced(axis: 1, from: 2 * units, count: units)
            recurrent = emitter.apply(
                "MatMul", emitter.apply("Mul", r, h), emitter.parameter("recurrent_kernel_new", newKernel))
        }
        let sum = emitter.apply("Add", fromInput[2], recurrent)
        let n = emitter.activate(sum, activation, clip: clip, units: units)
        let rest = emitter.apply("Mul", emitter.apply("Sub", emitter.scalar(1), z), n)
        return [emitter.apply("Add", emitter.apply("Mul", z, h), rest)]
    }
}
