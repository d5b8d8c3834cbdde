import FerryEngine

extension SimpleRNN: KernelTrainedRecurrence {
    public var untrainableReason: String? {
        clip != nil ? "the clipped RNN of an ONNX file" : activation.gateReason
    }

    var gateCount: Int { 1 }

    func trainingCell(
        _ parameters: ParameterSet, _ tape: SequenceTape, _ masks: DropoutMasks
    ) throws -> any TrainingCell {
        try SimpleRNNTrainingCell(self, parameters, tape, masks)
    }
}

/// A ``SimpleRNN`` in training.
private final class SimpleRNNTrainingCell: TrainingCell {
    private let input: GateProduct
    private let recurrent: GateProduct
    private let bias: FloatBuffer?
    private let activation: KernelActivation
    /// Sums, then gradients of the sums, [time, batch, units].
    private let sums: FloatBuffer

    init(_ rnn: SimpleRNN, _ parameters: ParameterSet, _ tape: SequenceTape, _ masks: DropoutMasks) throws {
        activation = try rnn.activation.kernelForm()
        input = try tape.product(parameters, "kernel", masks: masks.input)
        recurrent = try tape.product(parameters, "recurrent_kernel", masks: masks.recurrent)
        bias = try tape.bias(parameters, isUsed: rnn.useBias)
        sums = tape.buffer(tape.time * tape.stateCount)
        tape.project(by: input, into: sums)
    }

    func forward(_ tape: SequenceTape, _ k: Int) {
        let (h, sum) = (tape.states[0].base + k * tape.stateCount, sums.base + k * tape.stateCount)
        if !tape.startsAtZero(k) { recurrent.add(rows: tape.batch, h, to: sum) }
        tape.add(bias, to: sum)
        let next = h + tape.stateCount
        next.update(from: sum, count: tape.stateCount)
        Kernels.best.apply(activation, to: UnsafeMutableBufferPointer(start: next, count: tape.stateCount))
    }

    func backward(_ tape: SequenceTape, _ k: Int, _ gradients: [FloatBuffer]) {
        let (h, sum) = (tape.states[0].base + k * tape.stateCount, sums.base + k * tape.stateCount)
        // The state of a hidden row is not what the activation gave, but its gradient is zero here.
        Kernels.best.applyBackward(
            activation, x: sum, y: h + tape.stateCount, dy: gradients[0].base, into: sum, count: tape.stateCount)
        guard tape.wantsGradients(before: k) else { return }
        recurrent.addInputGradient(rows: tape.batch, sum, to: gradients[0].base, overwriting: true)
    }

    func finish(_ tape: SequenceTape, dx: FloatBuffer?) -> ParameterSet {
        if let dx { input.addInputGradient(rows: tape.rows, sums.base, to: dx.base, overwriting: true) }
        return tape.gradients(ofSums: sums, input, recurrent, hasBias: bias != nil)
    }
}
