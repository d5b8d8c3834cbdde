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
    private let bias: FloatBuffer?
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
        input = try tape.product(parameters, "kernel", masks: masks.input)
        recurrent = try tape.product(parameters, "recurrent_kernel", masks: masks.recurrent)
        let count = 3 * tape.time * tape.stateCount
        gates = tape.buffer(count)
        inner = tape.buffer(count)
        sums = gru.needsSums(gate, candidate) ? tape.buffer(count) : nil
        bias = try tape.bias(parameters, isUsed: gru.useBias, row: 0)
        recurrentBias = try tape.bias(parameters, isUsed: gru.useBias, row: 1)
        tape.project(by: input, into: gates)
    }

    func forward(_ tape: SequenceTape, _ k: Int) {
        let (h, place) = (tape.states[0].base + k * tape.stateCount, 3 * k * tape.stateCount)
        recurrent.add(rows: tape.batch, h, to: inner.base + place, overwriting: true)
        tape.add(bias, to: gates.base + place)
        tape.add(recurrentBias, to: inner.base + place)
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
        guard tape.wantsGradients(before: k) else { return }
        recurrent.addInputGradient(rows: tape.batch, inner.base + place, to: gradients[0].base)
    }

    func finish(_ tape: SequenceTape, dx: FloatBuffer?) -> ParameterSet {
        let (rows, width) = (tape.rows, 3 * tape.units)
        var dW = Tensor(zeros: [tape.features, width])
        var dU = Tensor(zeros: [tape.units, width])
        var db = Tensor(zeros: [2, width])
        db.write { db in
            dW.write { input.writeWeightGradient(rows: rows, tape.x.base, gates.base, to: $0, rowSum: db) }
            dU.write {
                recurrent.writeWeightGradient(
                    rows: rows, tape.states[0].base, inner.base, to: $0, rowSum: db + width)
            }
        }
        if let dx { input.addInputGradient(rows: rows, gates.base, to: dx.base, overwriting: true) }
        var gradients: ParameterSet = ["kernel": dW, "recurrent_kernel": dU]
        if recurrentBias != nil { gradients["bias"] = db }
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
    private let bias: FloatBuffer?
    private var step: GRUTrainingStep
    /// Sums, then gates, then gradients of the sums, [time, batch, 3 · units].
    private let gates: FloatBuffer
    private let sums: FloatBuffer?
    /// r∘h [time, batch, units]
    private let resetH: FloatBuffer
    /// The gradient of r∘h of one step.
    private let dResetH: FloatBuffer

    init(_ gru: GRU, _ parameters: ParameterSet, _ tape: SequenceTape, _ masks: DropoutMasks) throws {
        let (gate, candidate) = (try gru.recurrentActivation.kernelForm(), try gru.activation.kernelForm())
        step = GRUTrainingStep(
            rows: tape.batch, units: tape.units, recurrentActivation: gate, activation: candidate)
        let units = tape.units
        input = try tape.product(parameters, "kernel", masks: masks.input)
        gateProduct = try tape.product(
            parameters, "recurrent_kernel", columns: 0..<(2 * units), masks: Array(masks.recurrent.prefix(2)))
        candidateProduct = try tape.product(
            parameters, "recurrent_kernel", columns: (2 * units)..<(3 * units),
            masks: Array(masks.recurrent.dropFirst(2)))
        bias = try tape.bias(parameters, isUsed: gru.useBias)
        let count = tape.time * tape.stateCount
        gates = tape.buffer(3 * count)
        sums = gru.needsSums(gate, candidate) ? tape.buffer(3 * count) : nil
        resetH = tape.buffer(count)
        dResetH = tape.buffer(tape.stateCount)
        tape.project(by: input, into: gates)
    }

    func forward(_ tape: SequenceTape, _ k: Int) {
        let (state, place) = (k * tape.stateCount, 3 * k * tape.stateCount)
        let h = tape.states[0].base + state
        tape.add(bias, to: gates.base + place)
        if !tape.startsAtZero(k) { gateProduct.add(rows: tape.batch, h, to: gates.base + place) }
        step.use(
            gates: gates.base + place, recurrent: nil, sums: sums.map { $0.base + place }, previousH: h,
            h: h + tape.stateCount, resetH: resetH.base + state)
        step.forwardGates()
        if !tape.startsAtZero(k) {
            candidateProduct.add(rows: tape.batch, resetH.base + state, to: gates.base + place)
        }
        step.forwardOutput()
    }

    func backward(_ tape: SequenceTape, _ k: Int, _ gradients: [FloatBuffer]) {
        let (state, place) = (k * tape.stateCount, 3 * k * tape.stateCount)
        let h = tape.states[0].base + state
        step.use(
            gates: gates.base + place, recurrent: nil, sums: sums.map { $0.base + place }, previousH: h,
            h: h + tape.stateCount, dh: gradients[0].base, resetH: dResetH.base)
        step.backwardOutput()
        candidateProduct.addInputGradient(
            rows: tape.batch, gates.base + place, to: dResetH.base, overwriting: true)
        step.backwardGates()
        guard tape.wantsGradients(before: k) else { return }
        gateProduct.addInputGradient(rows: tape.batch, gates.base + place, to: gradients[0].base)
    }

    func finish(_ tape: SequenceTape, dx: FloatBuffer?) -> ParameterSet {
        let (rows, width) = (tape.rows, 3 * tape.units)
        var dW = Tensor(zeros: [tape.features, width])
        var dU = Tensor(zeros: [tape.units, width])
        var db = Tensor(zeros: [width])
        dW.write { dW in
            db.write { input.writeWeightGradient(rows: rows, tape.x.base, gates.base, to: dW, rowSum: $0) }
        }
        dU.write {
            gateProduct.writeWeightGradient(rows: rows, tape.states[0].base, gates.base, to: $0)
            candidateProduct.writeWeightGradient(rows: rows, resetH.base, gates.base, to: $0)
        }
        if let dx { input.addInputGradient(rows: rows, gates.base, to: dx.base, overwriting: true) }
        var gradients: ParameterSet = ["kernel": dW, "recurrent_kernel": dU]
        if bias != nil { gradients["bias"] = db }
        return gradients
    }
}
