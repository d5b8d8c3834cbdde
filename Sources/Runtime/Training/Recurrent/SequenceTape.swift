import FerryEngine

/// What a recurrent layer keeps of a sequence in training. Time runs in the order of processing, and is the first axis:
/// [time, batch, …] without gaps.
final class SequenceTape {
    let batch: Int
    let time: Int
    let features: Int
    let units: Int
    /// x [time, batch, features]
    let x: FloatBuffer
    /// The states before the first step and after each, [time + 1, batch, units].
    let states: [FloatBuffer]
    /// Which rows count at which step, [time · batch]; nil where all do.
    let mask: [Bool]?
    /// Which rows had a step that counts before or at a step, [time · batch]; nil where `mask` is.
    let hasOutput: [Bool]?
    let options: RecurrentOptions
    /// How many rows of the states before all steps are zero: all of the first, or none.
    let zeroRows: Int
    /// Whether somebody asks for the gradients of the states before the first step.
    let wantsInitialGradients: Bool
    let pool: FloatPool

    init(
        _ signal: Signal, initial: [Tensor], units: Int, _ options: RecurrentOptions, wantsInitialGradients: Bool,
        pool: FloatPool
    ) {
        let input = signal.tensor.cast(to: .float32)
        let isTimeMajor = options.timeMajor
        (batch, time) = isTimeMajor ? (input.shape[1], input.shape[0]) : (input.shape[0], input.shape[1])
        features = input.shape[2]
        self.units = units
        self.options = options
        self.wantsInitialGradients = wantsInitialGradients
        self.pool = pool
        zeroRows = initial.first?.isAllZero ?? true ? batch : 0
        x = FloatBuffer(uninitialized: input.count, pool: pool)
        let (batch, time, features) = (batch, time, features)
        states = initial.map { state in
            let buffer = FloatBuffer(uninitialized: (time + 1) * batch * units, pool: pool)
            state.withUnsafeElements { (source: UnsafeBufferPointer<Float>) in
                if let from = source.baseAddress { buffer.base.update(from: from, count: batch * units) }
            }
            return buffer
        }
        let counts = signal.mask?.elements(Bool.self)
        func place(_ k: Int, _ row: Int) -> Int {
            let t = options.goBackwards ? time - 1 - k : k
            return isTimeMajor ? t * batch + row : row * time + t
        }
        let target = x.base
        input.withUnsafeElements { (source: UnsafeBufferPointer<Float>) in
            guard let from = source.baseAddress else { return }
            for k in 0..<time {
                for row in 0..<batch {
                    (target + (k * batch + row) * features).update(
                        from: from + place(k, row) * features, count: features)
                }
            }
        }
        mask = counts.map { counts in (0..<(time * batch)).map { counts[place($0 / batch, $0 % batch)] } }
        hasOutput = mask.map { mask in
            var seen = [Bool](repeating: false, count: batch)
            return mask.indices.map { i in
                seen[i % batch] = seen[i % batch] || mask[i]
                return seen[i % batch]
            }
        }
    }

    /// The number of elements of a state.
    var stateCount: Int { batch * units }
    /// The rows of what all steps together see.
    var rows: Int { time * batch }

    /// Whether the states before step `k` are zero, so that no product with them is needed.
    func startsAtZero(_ k: Int) -> Bool { k == 0 && zeroRows > 0 }

    /// Whether anything depends on the gradients of the states before step `k`.
    func wantsGradients(before k: Int) -> Bool { k > 0 || wantsInitialGradients }

    /// Memory for `count` numbers that goes with this sequence.
    func buffer(_ count: Int) -> FloatBuffer { FloatBuffer(uninitialized: count, pool: pool) }

    /// Carries the states of hidden rows over step `k`.
    func keepHiddenRows(_ k: Int) {
        guard let mask else { return }
        for row in 0..<batch where !mask[k * batch + row] {
            for state in states {
                let from = state.base + (k * batch + row) * units
                (from + stateCount).update(from: from, count: units)
            }
        }
    }

    /// What becomes of the output of a row at a step: it is the state, or zero.
    func showsState(_ k: Int, _ row: Int) -> Bool {
        guard let mask, let hasOutput else { return true }
        let i = k * batch + row
        return options.zeroOutputForMask ? mask[i] : hasOutput[i]
    }

    /// The layer's outputs: the sequence or the last step, then the states where they are returned.
    func outputs(_ mask: Tensor?) -> [Signal] {
        let final = states.map { state in
            Tensor(shape: [batch, units], of: Float.self) { target in
                target.baseAddress?.update(from: state.base + time * stateCount, count: stateCount)
            }
        }
        let returned = options.returnState ? final.map { Signal($0) } : []
        return [options.returnSequences ? Signal(sequence(), mask: mask) : Signal(last())] + returned
    }

    private func last() -> Tensor {
        Tensor(shape: [batch, units], of: Float.self) { target in
            guard time > 0, let to = target.baseAddress else { return }
            for row in 0..<batch where showsState(time - 1, row) {
                (to + row * units).update(from: states[0].base + (time * batch + row) * units, count: units)
            }
        }
    }

    private func sequence() -> Tensor {
        let shape = options.timeMajor ? [time, batch, units] : [batch, time, units]
        return Tensor(shape: shape, of: Float.self) { target in
            guard let to = target.baseAddress else { return }
            for k in 0..<time {
                for row in 0..<batch where showsState(k, row) {
                    (to + outputPlace(k, row) * units).update(
                        from: states[0].base + ((k + 1) * batch + row) * units, count: units)
                }
            }
        }
    }

    /// Where the output of the `k`-th step lies: outputs come in the order of processing.
    private func outputPlace(_ k: Int, _ row: Int) -> Int {
        options.timeMajor ? k * batch + row : row * time + k
    }

    /// Adds the gradient of the layer's first output at step `k` to dh [batch, units].
    func addOutputGradient(_ dy: UnsafePointer<Float>, _ k: Int, to dh: UnsafeMutablePointer<Float>) {
        guard options.returnSequences || k == time - 1 else { return }
        for row in 0..<batch where showsState(k, row) {
            let from = dy + (options.returnSequences ? outputPlace(k, row) : row) * units
            Kernels.best.add(dh + row * units, from, into: dh + row * units, count: units)
        }
    }

    /// dx [time, batch, features] in the layout of the layer's input.
    func inputGradient(_ dx: FloatBuffer) -> Tensor {
        let shape = options.timeMajor ? [time, batch, features] : [batch, time, features]
        return Tensor(shape: shape, of: Float.self) { target in
            guard let to = target.baseAddress else { return }
            for k in 0..<time {
                let t = options.goBackwards ? time - 1 - k : k
                for row in 0..<batch {
                    let place = options.timeMajor ? t * batch + row : row * time + t
                    (to + place * features).update(from: dx.base + (k * batch + row) * features, count: features)
                }
            }
        }
    }
}

extension Tensor {
    /// Whether every element of this float32 tensor is zero.
    fileprivate var isAllZero: Bool {
        withUnsafeElements { (x: UnsafeBufferPointer<Float>) in x.allSatisfy { $0 == 0 } }
    }
}
