import FerryEngine

extension LSTM: KernelTrainedRecurrence {
    public var untrainableReason: String? {
        if usesPeepholes || couplesInputAndForget || clip != nil {
            return "peepholes, coupled gates or a clipped LSTM of an ONNX file"
        }
        return [activation, recurrentActivation, outputActivation ?? activation].lazy.compactMap(\.gateReason).first
    }

    var gateCount: Int { 4 }

    func trainingCell(
        _ parameters: ParameterSet, _ tape: SequenceTape, _ masks: DropoutMasks
    ) throws -> any TrainingCell {
        try LSTMTrainingCell(self, parameters, tape, masks)
    }
}

/// An ``LSTM`` in training.
private final class LSTMTrainingCell: TrainingCell {
    private let input: GateProduct
    private let recurrent: GateProduct
    private let hasBias: Bool
    private var step: LSTMTrainingStep
    /// Sums, then gates, then gradients of the sums, [time, batch, 4 · units].
    private let gates: FloatBuffer
    private let sums: FloatBuffer?
    /// τ(c) [time, batch, units]
    private let activatedC: FloatBuffer

    init(_ lstm: LSTM, _ parameters: ParameterSet, _ tape: SequenceTape, _ masks: DropoutMasks) throws {
        let gate = try lstm.recurrentActivation.kernelForm()
        let candidate = try lstm.activation.kernelForm()
        let output = try (lstm.outputActivation ?? lstm.activation).kernelForm()
        step = LSTMTrainingStep(
            rows: tape.batch, units: tape.units, recurrentActivation: gate, activation: candidate,
            cellActivation: output)
        input = GateProduct(try parameters.required("kernel").cast(to: .float32), masks: masks.input)
        recurrent = GateProduct(
            try parameters.required("recurrent_kernel").cast(to: .float32), masks: masks.recurrent)
        hasBias = lstm.useBias
        let count = tape.time * tape.stateCount
        gates = FloatBuffer(uninitialized: 4 * count)
        sums = gate.slopeNeedsInput || candidate.slopeNeedsInput ? FloatBuffer(uninitialized: 4 * count) : nil
        activatedC = FloatBuffer(uninitialized: count)
        let bias = hasBias ? try parameters.required("bias").cast(to: .float32) : nil
        gates.project(tape.x, by: input, bias: bias, rows: tape.time * tape.batch, width: 4 * tape.units)
    }

    func forward(_ tape: SequenceTape, _ k: Int) {
        let (state, gate) = (k * tape.stateCount, 4 * k * tape.stateCount)
        let (h, c) = (tape.states[0].base + state, tape.states[1].base + state)
        recurrent.add(rows: tape.batch, h, to: gates.base + gate)
        step.forward(
            gates: gates.base + gate, sums: sums.map { $0.base + gate }, previousC: c, c: c + tape.stateCount,
            activatedC: activatedC.base + state, h: h + tape.stateCount)
    }

    func backward(_ tape: SequenceTape, _ k: Int, _ gradients: [FloatBuffer]) {
        let (state, gate) = (k * tape.stateCount, 4 * k * tape.stateCount)
        let c = tape.states[1].base + state
        step.backward(
            gates: gates.base + gate, sums: sums.map { $0.base + gate }, previousC: c, c: c + tape.stateCount,
            activatedC: activatedC.base + state, dh: gradients[0].base, dc: gradients[1].base)
        gradients[0].base.update(repeating: 0, count: tape.stateCount)
        recurrent.addInputGradient(rows: tape.batch, gates.base + gate, to: gradients[0].base)
    }

    func finish(_ tape: SequenceTape, dx: FloatBuffer?) -> ParameterSet {
        let rows = tape.time * tape.batch
        let width = 4 * tape.units
        let dW = FloatBuffer(zeros: tape.features * width)
        let dU = FloatBuffer(zeros: tape.units * width)
        input.addWeightGradient(rows: rows, tape.x.base, gates.base, to: dW.base)
        recurrent.addWeightGradient(rows: rows, tape.states[0].base, gates.base, to: dU.base)
        if let dx { input.addInputGradient(rows: rows, gates.base, to: dx.base) }
        var gradients: ParameterSet = [
            "kernel": dW.tensor([tape.features, width]), "recurrent_kernel": dU.tensor([tape.units, width]),
        ]
        if hasBias { gradients["bias"] = gates.rowSum(rows: rows, columns: width).tensor([width]) }
        return gradients
    }
}

extension FloatBuffer {
    /// Fills this buffer [rows, width] with x·W + b.
    func project(_ x: FloatBuffer, by product: GateProduct, bias: Tensor?, rows: Int, width: Int) {
        product.add(rows: rows, x.base, to: base, overwriting: true)
        guard let bias else { return }
        bias.withUnsafeElements { (bias: UnsafeBufferPointer<Float>) in
            guard let bias = bias.baseAddress else { return }
            for row in 0..<rows {
                Kernels.best.add(base + row * width, bias, into: base + row * width, count: width)
            }
        }
    }

    /// The sum of the rows of this buffer [rows, columns].
    func rowSum(rows: Int, columns: Int) -> FloatBuffer {
        let sums = FloatBuffer(uninitialized: columns)
        Kernels.best.sumRows(base, rows: rows, columns: columns, into: sums.base)
        return sums
    }
}

extension ActivationFunction {
    /// Why a gate cannot be trained with this function; nil where it can.
    var gateReason: String? { KernelActivation(self) == nil ? "the activation \(self) inside a recurrence" : nil }

    /// The form that the kernels take.
    ///
    /// - Throws: ``FerryError/Code/untrainable`` for functions of whole lines.
    func kernelForm() throws -> KernelActivation {
        guard let form = KernelActivation(self) else {
            throw FerryError(
                .untrainable, found: "the activation \(self) inside a recurrence", expected: "one of single numbers")
        }
        return form
    }
}
