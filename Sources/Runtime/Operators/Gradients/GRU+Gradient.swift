import FerryEngine

extension GRU: KernelTrainedRecurrence {
    public var untrainableReason: String? {
        if clip != nil { return "the clipped GRU of an ONNX file" }
        return [activation, recurrentActivation].lazy.compactMap(\.gateReason).first
    }

    var gateCount: Int { 3 }

    func trainingCell(
        _ parameters: ParameterSet, _ tape: SequenceTape, _ masks: DropoutMasks
    ) throws -> any TrainingCell {
        resetAfter
            ? try GRUAfterTrainingCell(self, parameters, tape, masks)
            : try GRUBeforeTrainingCell(self, parameters, tape, masks)
    }

    fileprivate func needsSums(_ gate: KernelActivation, _ candidate: KernelActivation) -> Bool {
        gate.slopeNeedsInput || candidate.slopeNeedsInput
    }
}

/// A ``GRU`` whose reset gate acts after the product, in training.
private final class GRUAfterTrainingCell: TrainingCell {
    private let input: GateProduct
    private let recurrent: GateProduct
    private let recurrentBias: FloatBuffer?
    private var step: GRUTrainingStep
    /// x·W + b, then gates, then gradients of x·W, [time, batch, 3 · units].
    private let gates: FloatBuffer
    /// h·U + b, then gradients of it.
    private let inner: FloatBuffer
    private let sums: FloatBuffer?

    init(_ gru: GRU, _ parameters: ParameterSet, _ tape: SequenceTape, _ masks: DropoutMasks) throws {
        let (gate, candidate) = (try gru.recurrentActivation.kernelForm(), try gru.activation.kernelForm())
        step = GRUTrainingStep(
            rows: tape.batch, units: tape.units, recurrentActivation: gate, activation: candidate)
        input = GateProduct(try parameters.required("kernel").cast(to: .float32), masks: masks.input)
        recurrent = GateProduct(
            try parameters.required("recurrent_kernel").cast(to: .float32), masks: masks.recurrent)
        let width = 3 * tape.units
        let biases = gru.useBias ? try parameters.required("bias").cast(to: .float32) : nil
        let count = tape.time * tape.batch * width
        gates = FloatBuffer(uninitialized: count)
        inner = FloatBuffer(uninitialized: count)
        sums = gru.needsSums(gate, candidate) ? FloatBuffer(uninitialized: count) : nil
        recurrentBias = biases.map { FloatBuffer($0.sliced(axis: 0, from: 1, count: 1)) }
        let bias = biases?.sliced(axis: 0, from: 0, count: 1)
        gates.project(tape.x, by: input, bias: bias, rows: tape.time * tape.batch, width: width)
    }

    func forward(_ tape: SequenceTape, _ k: Int) {
        let (h, place) = (tape.states[0].base + k * tape.stateCount, 3 * k * tape.stateCount)
        let width = 3 * tape.units
        if let recurrentBias {
            for row in 0..<tape.batch {
                (inner.base + place + row * width).update(from: recurrentBias.base, count: width)
            }
        }
        recurrent.add(rows: tape.batch, h, to: inner.base + place, overwriting: recurrentBias == nil)
        step.use(
            gates: gates.base + place, recurrent: inner.base + place, sums: sums.map { $0.base + place },
            previousH: h, h: h + tape.stateCount)
        step.forwardAfter()
    }

    func backward(_ tape: SequenceTape, _ k: Int, _ gradients: [FloatBuffer]) {
        let (h, place) = (tape.states[0].base + k * tape.stateCount, 3 * k * tape.stateCount)
        step.use(
            gates: gates.base + place, recurrent: inner.base + place, sums: sums.map { $0.base + place },
            previousH: h, h: h + tape.stateCount, dh: gradients[0].base)
        step.backwardAfter()
        recurrent.addInputGradient(rows: tape.batch, inner.base + place, to: gradients[0].base)
    }

    func finish(_ tape: SequenceTape, dx: FloatBuffer?) -> ParameterSet {
        let (rows, width) = (tape.time * tape.batch, 3 * tape.units)
        let dW = FloatBuffer(zeros: tape.features * width)
        let dU = FloatBuffer(zeros: tape.units * width)
        input.addWeightGradient(rows: rows, tape.x.base, gates.base, to: dW.base)
        recurrent.addWeightGradient(rows: rows, tape.states[0].base, inner.base, to: dU.base)
        if let dx { input.addInputGradient(rows: rows, gates.base, to: dx.base) }
        var gradients: ParameterSet = [
            "kernel": dW.tensor([tape.features, width]), "recurrent_kernel": dU.tensor([tape.units, width]),
        ]
        if recurrentBias != nil {
            let sums = [gates, inner].map { $0.rowSum(rows: rows, columns: width).tensor([width]) }
            gradients["bias"] = .stacked(sums, axis: 0)
        }
        return gradients
    }
}

/// A ``GRU`` whose reset gate acts before the product, in training.
private final class GRUBeforeTrainingCell: TrainingCell {
    private let input: GateProduct
    /// h·U for z and r.
    private let gateProduct: GateProduct
    /// (r∘h)·U for n.
    private let candidateProduct: GateProduct
    private let hasBias: Bool
    private var step: GRUTrainingStep
    /// Sums, then gates, then gradients of the sums, [time, batch, 3 · units].
    private let gates: FloatBuffer
    private let sums: FloatBuffer?
    /// r∘h [time, batch, units]
    private let resetH: FloatBuffer

    init(_ gru: GRU, _ parameters: ParameterSet, _ tape: SequenceTape, _ masks: DropoutMasks) throws {
        let (gate, candidate) = (try gru.recurrentActivation.kernelForm(), try gru.activation.kernelForm())
        step = GRUTrainingStep(
            rows: tape.batch, units: tape.units, recurrentActivation: gate, activation: candidate)
        let (units, width) = (tape.units, 3 * tape.units)
        let kernel = try parameters.required("recurrent_kernel").cast(to: .float32)
        input = GateProduct(try parameters.required("kernel").cast(to: .float32), masks: masks.input)
        gateProduct = GateProduct(kernel, columns: 0..<(2 * units), masks: Array(masks.recurrent.prefix(2)))
        candidateProduct = GateProduct(
            kernel, columns: (2 * units)..<width, masks: Array(masks.recurrent.dropFirst(2)))
        hasBias = gru.useBias
        let count = tape.time * tape.stateCount
        gates = FloatBuffer(uninitialized: 3 * count)
        sums = gru.needsSums(gate, candidate) ? FloatBuffer(uninitialized: 3 * count) : nil
        resetH = FloatBuffer(uninitialized: count)
        let bias = hasBias ? try parameters.required("bias").cast(to: .float32) : nil
        gates.project(tape.x, by: input, bias: bias, rows: tape.time * tape.batch, width: width)
    }

    func forward(_ tape: SequenceTape, _ k: Int) {
        let (state, place) = (k * tape.stateCount, 3 * k * tape.stateCount)
        let h = tape.states[0].base + state
        gateProduct.add(rows: tape.batch, h, to: gates.base + place)
        step.use(
            gates: gates.base + place, recurrent: nil, sums: sums.map { $0.base + place }, previousH: h,
            h: h + tape.stateCount, resetH: resetH.base + state)
        step.forwardGates()
        candidateProduct.add(rows: tape.batch, resetH.base + state, to: gates.base + place)
        step.forwardOutput()
    }

    func backward(_ tape: SequenceTape, _ k: Int, _ gradients: [FloatBuffer]) {
        let (state, place) = (k * tape.stateCount, 3 * k * tape.stateCount)
        let h = tape.states[0].base + state
        let dResetH = FloatBuffer(zeros: tape.stateCount)
        step.use(
            gates: gates.base + place, recurrent: nil, sums: sums.map { $0.base + place }, previousH: h,
            h: h + tape.stateCount, dh: gradients[0].base, resetH: dResetH.base)
        step.backwardOutput()
        candidateProduct.addInputGradient(rows: tape.batch, gates.base + place, to: dResetH.base)
        withExtendedLifetime(dResetH) { step.backwardGates() }
        gateProduct.addInputGradient(rows: tape.batch, gates.base + place, to: gradients[0].base)
    }

    func finish(_ tape: SequenceTape, dx: FloatBuffer?) -> ParameterSet {
        let (rows, width) = (tape.time * tape.batch, 3 * tape.units)
        let dW = FloatBuffer(zeros: tape.features * width)
        let dU = FloatBuffer(zeros: tape.units * width)
        input.addWeightGradient(rows: rows, tape.x.base, gates.base, to: dW.base)
        gateProduct.addWeightGradient(rows: rows, tape.states[0].base, gates.base, to: dU.base)
        candidateProduct.addWeightGradient(rows: rows, resetH.base, gates.base, to: dU.base)
        if let dx { input.addInputGradient(rows: rows, gates.base, to: dx.base) }
        var gradients: ParameterSet = [
            "kernel": dW.tensor([tape.features, width]), "recurrent_kernel": dU.tensor([tape.units, width]),
        ]
        if hasBias { gradients["bias"] = gates.rowSum(rows: rows, columns: width).tensor([width]) }
        return gradients
    }
}
