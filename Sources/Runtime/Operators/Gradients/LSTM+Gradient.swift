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
    private let bias: FloatBuffer?
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
        input = try tape.product(parameters, "kernel", masks: masks.input)
        recurrent = try tape.product(parameters, "recurrent_kernel", masks: masks.recurrent)
        bias = try tape.bias(parameters, isUsed: lstm.useBias)
        let count = tape.time * tape.stateCount
        gates = tape.buffer(4 * count)
        sums = gate.slopeNeedsInput || candidate.slopeNeedsInput ? tape.buffer(4 * count) : nil
        activatedC = tape.buffer(count)
        tape.project(by: input, into: gates)
    }

    func forward(_ tape: SequenceTape, _ k: Int) {
        let (state, gate) = (k * tape.stateCount, 4 * k * tape.stateCount)
        let (h, c) = (tape.states[0].base + state, tape.states[1].base + state)
        if !tape.startsAtZero(k) { recurrent.add(rows: tape.batch, h, to: gates.base + gate) }
        step.forward(
            gates: gates.base + gate, bias: bias.map { UnsafePointer($0.base) }, sums: sums.map { $0.base + gate },
            previousC: c, c: c + tape.stateCount, activatedC: activatedC.base + state, h: h + tape.stateCount)
    }

    func backward(_ tape: SequenceTape, _ k: Int, _ gradients: [FloatBuffer]) {
        let (state, gate) = (k * tape.stateCount, 4 * k * tape.stateCount)
        let c = tape.states[1].base + state
        step.backward(
            gates: gates.base + gate, sums: sums.map { $0.base + gate }, previousC: c, c: c + tape.stateCount,
            activatedC: activatedC.base + state, dh: gradients[0].base, dc: gradients[1].base)
        guard tape.wantsGradients(before: k) else { return }
        recurrent.addInputGradient(
            rows: tape.batch, gates.base + gate, to: gradients[0].base, overwriting: true)
    }

    func finish(_ tape: SequenceTape, dx: FloatBuffer?) -> ParameterSet {
        if let dx { input.addInputGradient(rows: tape.rows, gates.base, to: dx.base, overwriting: true) }
        return tape.gradients(ofSums: gates, input, recurrent, hasBias: bias != nil)
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
