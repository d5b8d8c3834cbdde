public import FerryEngine

/// What a ``ConvLSTM`` keeps of each step, in the order of processing.
public struct ConvLSTMCache {
    struct Step {
        /// The time step of the input.
        let time: Int
        let input: ConvolutionTape
        let recurrent: ConvolutionTape
        /// i, f, g, o
        let gates: [ActivationTape]
        let previousC: Tensor
        let c: ActivationTape
        /// 1 for rows that count and 0 for others, [batch, 1 …]; nil where all do.
        let shown: Tensor?
        /// 1 for rows whose output is their state, [batch, 1 …]; nil where all are.
        let visible: Tensor?
    }
    var steps: [Step] = []
    let noise: ConvLSTMNoise
    let inputShape: [Int]
    let stateShape: [Int]
    let givenStates: Int
}

extension ConvLSTM: TrainableOperator {
    public var untrainableReason: String? {
        [activation, recurrentActivation].lazy.compactMap(\.trainableReason).first
    }

    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: ConvLSTMCache) {
        let x = inputs[0].tensor.cast(to: .float32)
        let (batch, time) = (x.shape[0], x.shape[1])
        let shape = try stateShape(of: ValueType(of: x))
        let given = inputs.dropFirst(1).present.map { $0.tensor.cast(to: .float32) }
        let carried = options.isStateful ? pass.state.tensors : []
        var states = !given.isEmpty ? given : !carried.isEmpty ? carried : [Tensor(zeros: shape), Tensor(zeros: shape)]
        let noise = pass.isTraining ? ConvLSTMNoise(options, x.shape, shape, &pass.random) : ConvLSTMNoise()
        var cache = ConvLSTMCache(noise: noise, inputShape: x.shape, stateShape: shape, givenStates: given.count)
        var outputs: [Tensor] = []
        var seen = [Bool](repeating: false, count: batch)
        for k in 0..<time {
            let t = options.goBackwards ? time - 1 - k : k
            let counts = inputs[0].mask.map { mask in
                mask.sliced(axis: 1, from: t, count: 1).elements(Bool.self)
            }
            if let counts { for row in seen.indices where counts[row] { seen[row] = true } }
            let visible = counts.map { options.zeroOutputForMask ? $0 : seen }
            let input = noise.input(x.sliced(axis: 1, from: t, count: 1).reshaped([batch] + x.shape.dropFirst(2)))
            let step = try step(
                t, input, states, parameters, noise, shown: counts.map { rows($0, shape.count) },
                visible: visible.map { rows($0, shape.count) })
            states = step.states
            outputs.append(step.record.visible.map { states[0] * $0 } ?? states[0])
            cache.steps.append(step.record)
        }
        if options.isStateful { pass.state.tensors = states }
        return (signals(outputs, states, shape, inputs[0].mask), cache)
    }

    public func backward(
        _ outputs: [Tensor?], _ cache: ConvLSTMCache, _ parameters: ParameterSet
    ) throws -> Gradients {
        let zeros = Tensor(zeros: cache.stateShape)
        var (dh, dc) = (zeros, zeros)
        if outputs.count > 2 { (dh, dc) = (outputs[1] ?? zeros, outputs[2] ?? zeros) }
        var gradients = ParameterSet()
        var dxs = [Tensor](repeating: zeros, count: cache.steps.count)
        for (k, step) in cache.steps.enumerated().reversed() {
            if let dy = outputGradient(outputs[0], k, cache) { dh = dh + (step.visible.map { dy * $0 } ?? dy) }
            let shownH = step.shown.map { dh * $0 } ?? dh
            let shownC = step.shown.map { dc * $0 } ?? dc
            let (keptH, keptC) = (dh - shownH, dc - shownC)
            let (i, f, g, o) = (step.gates[0], step.gates[1], step.gates[2], step.gates[3])
            let dCell = shownC + (try step.c.backward(shownH * o.y))
            let sums = try [
                i.backward(dCell * g.y), f.backward(dCell * step.previousC), g.backward(dCell * i.y),
                o.backward(shownH * step.c.y),
            ]
            let dz = Tensor.concatenated(sums, axis: featureAxis(dh.rank))
            let (dx, dW) = step.input.backward(dz)
            let (dState, dU) = step.recurrent.backward(dz)
            dxs[step.time] = cache.noise.input(dx)
            gradients["kernel"] = .sum(gradients["kernel"], dW)
            gradients["recurrent_kernel"] = .sum(gradients["recurrent_kernel"], dU)
            if useBias {
                gradients["bias"] = .sum(gradients["bias"], dz.summedOverPlaces(channelsFirst: window.channelsFirst))
            }
            dh = cache.noise.recurrent(dState) + keptH
            dc = dCell * f.y + keptC
        }
        let dx = dxs.isEmpty ? Tensor(zeros: cache.inputShape) : Tensor.stacked(dxs, axis: 1)
        return Gradients(inputs: [dx] + [dh, dc].prefix(cache.givenStates), parameters: gradients)
    }

    private func step(
        _ t: Int, _ x: Tensor, _ states: [Tensor], _ parameters: ParameterSet, _ noise: ConvLSTMNoise, shown: Tensor?,
        visible: Tensor?
    ) throws -> (states: [Tensor], record: ConvLSTMCache.Step) {
        var kept = SpatialOptions(size: window.size, padding: .same)
        kept.channelsFirst = window.channelsFirst
        let input = try ConvolutionTape(x, parameters.required("kernel"), window, groups: 1)
        let recurrent = try ConvolutionTape(
            noise.recurrent(states[0]), parameters.required("recurrent_kernel"), kept, groups: 1)
        var sum = input.y + recurrent.y
        if useBias { sum = sum.addingBias(try parameters.required("bias"), channelsFirst: window.channelsFirst) }
        let sums = sum.split(axis: featureAxis(sum.rank), lengths: Array(repeating: filters, count: 4))
        let gates = try sums.enumerated().map { try ActivationTape($0 == 2 ? activation : recurrentActivation, $1) }
        let c = gates[1].y * states[1] + gates[0].y * gates[2].y
        let tape = try ActivationTape(activation, c)
        let next = [gates[3].y * tape.y, c]
        let record = ConvLSTMCache.Step(
            time: t, input: input, recurrent: recurrent, gates: gates, previousC: states[1], c: tape, shown: shown,
            visible: visible)
        guard let shown else { return (next, record) }
        let hidden = shown.map { (s: Float) in 1 - s }
        return (zip(next, states).map { $0 * shown + $1 * hidden }, record)
    }

    private func signals(_ outputs: [Tensor], _ states: [Tensor], _ shape: [Int], _ mask: Tensor?) -> [Signal] {
        let returned = options.returnState ? states.map { Signal($0) } : []
        guard options.returnSequences else { return [Signal(outputs.last ?? Tensor(zeros: shape))] + returned }
        let empty = Tensor(zeros: [shape[0], 0] + shape.dropFirst())
        return [Signal(outputs.isEmpty ? empty : .stacked(outputs, axis: 1), mask: mask)] + returned
    }

    private func outputGradient(_ dy: Tensor?, _ k: Int, _ cache: ConvLSTMCache) -> Tensor? {
        guard let dy else { return nil }
        guard options.returnSequences else { return k == cache.steps.count - 1 ? dy : nil }
        return dy.sliced(axis: 1, from: k, count: 1).reshaped(cache.stateShape)
    }

    private func featureAxis(_ rank: Int) -> Int { window.channelsFirst ? 1 : rank - 1 }

    private func stateShape(of input: ValueType) throws -> [Int] {
        let step = input.with(shape: Array(input.shape.prefix(1) + input.shape.dropFirst(2)))
        return try window.outputShape(step.shape, features: .fixed(filters)).compactMap(\.length)
    }

    private func rows(_ flags: [Bool], _ rank: Int) -> Tensor {
        Tensor(flags.map { $0 ? Float(1) : 0 }, shape: [flags.count] + Array(repeating: 1, count: rank - 1))
    }
}

/// The dropout masks of one pass through a ``ConvLSTM``, the same at every step.
struct ConvLSTMNoise {
    private var inputMask: Tensor?
    private var recurrentMask: Tensor?

    init() {}

    init(_ options: RecurrentOptions, _ input: [Int], _ state: [Int], _ random: inout RandomSource) {
        let step = input.prefix(1) + input.dropFirst(2)
        if options.dropout > 0 { inputMask = random.dropoutMask(Array(step), rate: options.dropout) }
        if options.recurrentDropout > 0 { recurrentMask = random.dropoutMask(state, rate: options.recurrentDropout) }
    }

    func input(_ x: Tensor) -> Tensor { inputMask.map { x * $0 } ?? x }
    func recurrent(_ h: Tensor) -> Tensor { recurrentMask.map { h * $0 } ?? h }
}
