import FerryEngine

/// The steps of a recurrent cell in training: its products and element-wise parts, forward and backward.
protocol TrainingCell: AnyObject {
    /// Step `k` forward: from the states before it to those after it.
    func forward(_ tape: SequenceTape, _ k: Int)
    /// Step `k` backward: `gradients`, dL/d(states after it), become dL/d(states before it).
    func backward(_ tape: SequenceTape, _ k: Int, _ gradients: [FloatBuffer])
    /// After all steps backward: dL/dx is written to `dx` where it is given, and the gradients of the parameters are given.
    func finish(_ tape: SequenceTape, dx: FloatBuffer?) -> ParameterSet
}

/// What a recurrent layer keeps between forward and backward.
public struct RecurrentCache {
    let tape: SequenceTape
    let cell: any TrainingCell
    /// How many initial states were given as inputs.
    let givenStates: Int
    let wantsInputGradient: Bool
}

/// A recurrent layer that trains on the kernels.
protocol KernelTrainedRecurrence: RecurrentOperator, TrainableOperator where Cache == RecurrentCache {
    /// The cell with its parameters, about to see the sequence of `tape`.
    func trainingCell(_ parameters: ParameterSet, _ tape: SequenceTape, _ masks: DropoutMasks) throws
        -> any TrainingCell
    /// The number of gates, each of which has a dropout mask of its own where states are dropped (Keras
    /// `implementation=1`).
    var gateCount: Int { get }
}

/// The dropout masks of one sequence, [batch, features] and [batch, units]: none, one, or one for each gate.
struct DropoutMasks {
    var input: [Tensor] = []
    var recurrent: [Tensor] = []
}

extension KernelTrainedRecurrence {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: RecurrentCache) {
        let given = inputs.dropFirst(1).present.map { $0.tensor.cast(to: .float32) }
        let input = inputs[0].tensor
        let batch = options.timeMajor ? input.shape[1] : input.shape[0]
        let initial = try initialStates(
            cell(parameters), batch: batch, given: given, options, pass.state)
        let tape = SequenceTape(
            inputs[0], initial: initial, units: outputSize, options, wantsInitialGradients: !given.isEmpty,
            pool: pass.pool)
        let masks = pass.isTraining ? dropoutMasks(tape, &pass.random) : DropoutMasks()
        let cell = try trainingCell(parameters, tape, masks)
        for k in 0..<tape.time {
            cell.forward(tape, k)
            tape.keepHiddenRows(k)
        }
        if options.isStateful || pass.state.isStreaming {
            pass.state.tensors = tape.states.map { state in
                Tensor(shape: [tape.batch, tape.units], of: Float.self) { target in
                    target.baseAddress?.update(from: state.base + tape.time * tape.stateCount, count: tape.stateCount)
                }
            }
        }
        let cache = RecurrentCache(
            tape: tape, cell: cell, givenStates: given.count, wantsInputGradient: pass.wantsInputGradients)
        return (tape.outputs(inputs[0].mask), cache)
    }

    public func backward(
        _ outputs: [Tensor?], _ cache: RecurrentCache, _ parameters: ParameterSet
    ) throws -> Gradients {
        let tape = cache.tape
        let gradients = stateSizes.indices.map { state in
            (outputs.count > 1 + state ? outputs[1 + state] : nil).map { FloatBuffer($0, pool: tape.pool) }
                ?? FloatBuffer(zeros: tape.stateCount, pool: tape.pool)
        }
        let dy = outputs[0].map { FloatBuffer($0, pool: tape.pool) }
        let kept = tape.mask == nil ? [] : gradients.map { _ in tape.buffer(tape.stateCount) }
        for k in (0..<tape.time).reversed() {
            if let dy { tape.addOutputGradient(dy.base, k, to: gradients[0].base) }
            tape.setHiddenRowsAside(k, gradients, kept)
            cache.cell.backward(tape, k, gradients)
            tape.putHiddenRowsBack(k, gradients, kept)
        }
        let dx = cache.wantsInputGradient ? tape.buffer(tape.rows * tape.features) : nil
        let dp = cache.cell.finish(tape, dx: dx)
        let states = gradients.prefix(cache.givenStates).map { $0.tensor([tape.batch, tape.units]) }
        return Gradients(inputs: [dx.map(tape.inputGradient)] + states, parameters: dp)
    }

    private func dropoutMasks(_ tape: SequenceTape, _ random: inout RandomSource) -> DropoutMasks {
        let count = options.recurrentDropout > 0 ? gateCount : 1
        func masks(_ rate: Double, _ width: Int) -> [Tensor] {
            guard rate > 0, rate < 1 else { return [] }
            return (0..<count).map { _ in random.dropoutMask([tape.batch, width], rate: rate) }
        }
        return DropoutMasks(
            input: masks(options.dropout, tape.features), recurrent: masks(options.recurrentDropout, tape.units))
    }
}

extension SequenceTape {
    /// Moves the gradients of rows hidden at step `k` to `kept`, and leaves zeros.
    func setHiddenRowsAside(_ k: Int, _ gradients: [FloatBuffer], _ kept: [FloatBuffer]) {
        guard let mask else { return }
        for row in 0..<batch where !mask[k * batch + row] {
            for (gradient, store) in zip(gradients, kept) {
                (store.base + row * units).update(from: gradient.base + row * units, count: units)
                (gradient.base + row * units).update(repeating: 0, count: units)
            }
        }
    }

    /// Moves them back: a hidden step passes states and their gradients on.
    func putHiddenRowsBack(_ k: Int, _ gradients: [FloatBuffer], _ kept: [FloatBuffer]) {
        guard let mask else { return }
        for row in 0..<batch where !mask[k * batch + row] {
            for (gradient, store) in zip(gradients, kept) {
                (gradient.base + row * units).update(from: store.base + row * units, count: units)
            }
        }
    }
}

extension RandomSource {
    /// 0 with probability `rate`, else 1 / (1 − rate).
    mutating func dropoutMask(_ shape: [Int], rate: Double) -> Tensor {
        let kept = Float(1 / (1 - rate))
        return Tensor(shape: shape, of: Float.self) { target in
            for i in target.indices { target[i] = Double.random(in: 0..<1, using: &self) < rate ? 0 : kept }
        }
    }
}
