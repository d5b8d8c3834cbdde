package import FerryEngine
package import FerryRuntime

extension LSTM {
    /// The order of the gates in ONNX's W, R and B.
    package static let onnxGateOrder: GateOrder = [.input, .output, .forget, .cell]
    /// The order of the gates in ONNX's P.
    package static let onnxPeepholeOrder: GateOrder = [.input, .output, .forget]
    /// The order of the gates in ``LSTM``'s own `peephole`.
    package static let peepholeOrder: GateOrder = [.input, .forget, .output]
}

/// The operator LSTM; see ``ONNXRecurrent``.
extension LSTM: ONNXRecurrent {
    package static let onnxOperator = "LSTM"

    package var onnxActivations: [ActivationFunction] {
        [recurrentActivation, activation, outputActivation ?? activation]
    }

    package var onnxAttributes: [ONNXAttribute] {
        couplesInputAndForget ? [ONNXAttribute("input_forget", .int(1))] : []
    }

    package func onnxWeights(_ parameters: ParameterSet) throws -> ONNXRecurrentWeights {
        func reordered(_ name: String) throws -> Tensor {
            let tensor = try parameters.float32(name)
            return Self.gateOrder.reorder(tensor, axis: tensor.rank - 1, to: Self.onnxGateOrder)
        }
        let bias = useBias ? try reordered("bias") : nil
        let peephole = usesPeepholes ? try parameters.float32("peephole") : nil
        return ONNXRecurrentWeights(
            kernel: try reordered("kernel").transposed([1, 0]),
            recurrentKernel: try reordered("recurrent_kernel").transposed([1, 0]),
            bias: bias.map { .concatenated([$0, Tensor(zeros: $0.shape)], axis: 0) },
            peephole: peephole.map { Self.peepholeOrder.reorder($0, axis: 0, to: Self.onnxPeepholeOrder) })
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
        let (h, c) = (states[0], states[1])
        let kernel = emitter.parameter("recurrent_kernel", try parameters.float32("recurrent_kernel"))
        let sums = emitter.split(
            emitter.apply("Add", projection, emitter.apply("MatMul", h, kernel)), axis: 1,
            lengths: [Int](repeating: units, count: 4))
        let peepholes = try emitPeepholes(parameters, &emitter)
        func seeing(_ c: String, _ gate: Int, _ sum: String) -> String {
            peepholes.map { emitter.apply("Add", sum, emitter.apply("Mul", $0[gate], c)) } ?? sum
        }
        func gate(_ sum: String) -> String { emitter.activate(sum, recurrentActivation, clip: clip, units: units) }

        let i = gate(seeing(c, 0, sums[0]))
        let f =
            couplesInputAndForget
            ? emitter.apply("Sub", emitter.scalar(1), i) : gate(seeing(c, 1, sums[1]))
        let g = emitter.activate(sums[2], activation, clip: clip, units: units)
        let newC = emitter.apply("Add", emitter.apply("Mul", f, c), emitter.apply("Mul", i, g))
        let o = gate(seeing(newC, 2, sums[3]))
        let activated = emitter.activate(newC, outputActivation ?? activation, clip: nil, units: units)
        let hidden = emitter.apply("Mul", o, activated)
        guard self.projection != nil else { return [hidden, newC] }
        let matrix = emitter.parameter("projection", try parameters.float32("projection"))
        return [emitter.apply("MatMul", hidden, matrix), newC]
    }

    private func emitPeepholes(_ parameters: ParameterSet, _ emitter: inout ONNXEmitter) throws -> [String]? {
        guard usesPeepholes else { return nil }
        let peephole = emitter.parameter("peephole", try parameters.float32("peephole"))
        return emitter.split(peephole, axis: 0, lengths: [Int](repeating: units, count: 3))
    }
}

extension ONNXEmitter {
    /// `function` of one gate, [batch, units], held within ±`clip` before.
    mutating func activate(_ x: String, _ function: ActivationFunction, clip bound: Float?, units: Int) -> String {
        let held = bound.map { clip(x, from: -$0, to: $0) } ?? x
        return activate(held, function, [.unknown, .fixed(units)])
    }
}
