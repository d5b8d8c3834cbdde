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
    private let hasBias: Bool
    private let activation: KernelActivation
    /// Sums, then gradients of the sums, [time, batch, units].
    private let sums: FloatBuffer

    init(_ rnn: SimpleRNN, _ parameters: ParameterSet, _ tape: SequenceTape, _ masks: DropoutMasks) throws {
        activation = try rnn.activation.kernelForm()
        input = GateProduct(try parameters.required("kernel").cast(to: .float32), masks: masks.input)
        recurrent = GateProduct(
            try parameters.required("recurrent_kernel").cast(to: .float32), masks: masks.recurrent)
        hasBias = rnn.useBias
        sums = FloatBuffer(uninitialized: tape.time * tape.stateCount)
        let bias = hasBias ? try parameters.required("bias").cast(to: .float32) : nil
        sums.project(tape.x, by: input, bias: bias, rows: tape.time * tape.batch, width: tape.units)
    }

    func forward(_ tape: SequenceTape, _ k: Int) {
        let (h, sum) = (tape.states[0].base + k * tape.stateCount, sums.base + k * tape.stateCount)
        recurrent.add(rows: tape.batch, h, to: sum)
        let next = h + tape.stateCount
        next.update(from: sum, count: tape.stateCount)
        Kernels.best.apply(activation, to: UnsafeMutableBufferPointer(start: next, count: tape.stateCount))
    }

    func backward(_ tape: SequenceTape, _ k: Int, _ gradients: [FloatBuffer]) {
        let (h, sum) = (tape.states[0].base + k * tape.stateCount, sums.base + k * tape.stateCount)
        // The state of a hidden row is not what the activation gave, but its gradient is zero here.
        Kernels.best.applyBackward(
            activation, x: sum, y: h + tape.stateCount, dy: gradients[0].base, into: sum, count: tape.stateCount)
        gradients[0].base.update(repeating: 0, count: tape.stateCount)
        recurrent.addInputGradient(rows: tape.batch, sum, to: gradients[0].base)
    }

    func finish(_ tape: SequenceTape, dx: FloatBuffer?) -> ParameterSet {
        let (rows, width) = (tape.time * tape.batch, tape.units)
        let dW = FloatBuffer(zeros: tape.features * width)
        let dU = FloatBuffer(zeros: width * width)
        input.addWeightGradient(rows: rows, tape.x.base, sums.base, to: dW.base)
        recurrent.addWeightGradient(rows: rows, tape.states[0].base, sums.base, to: dU.base)
        if let dx { input.addInputGradient(rows: rows, sums.base, to: dx.base) }
        var gradients: ParameterSet = [
            "kernel": dW.tensor([tape.features, width]), "recurrent_kernel": dU.tensor([width, width]),
        ]
        if hasBias { gradients["bias"] = sums.rowSum(rows: rows, columns: width).tensor([width]) }
        return gradients
    }
}
