import FerryEngine

/// One walk of a packed recurrence over the time axis of a batch of sequences.
struct SequenceWalk {
    let batch: Int
    private let time: Int
    private let recurrence: any PackedRecurrence
    private let units: Int
    private let options: RecurrentOptions
    /// How far apart rows and time steps of the input lie, in units of its features.
    private let rowStep: Int
    private let timeStep: Int

    /// A walk over an input [batch, time, features], or [time, batch, features] where the options say so.
    init(_ recurrence: any PackedRecurrence, _ shape: [Int], _ options: RecurrentOptions) {
        self.recurrence = recurrence
        self.options = options
        units = recurrence.units
        (batch, time) = options.timeMajor ? (shape[1], shape[0]) : (shape[0], shape[1])
        (rowStep, timeStep) = options.timeMajor ? (1, batch) : (time, 1)
    }

    /// Carries `states`, h and perhaps c, each [batch, units], over all steps and gives the layer's first output.
    func run(_ x: Tensor, mask: [Bool]?, _ states: inout [Tensor]) -> Tensor {
        guard options.returnSequences || mask != nil else {
            guard batch > 0, time > 0 else { return Tensor(zeros: [batch, units]) }
            walk(x, mask: nil, &states, nil)
            return states[0]
        }
        let sequence = options.timeMajor ? [time, batch, units] : [batch, time, units]
        var output = Tensor(zeros: options.returnSequences ? sequence : [batch, units])
        guard batch > 0, time > 0 else { return output }
        output.withUnsafeMutableElements { (target: UnsafeMutableBufferPointer<Float>) in
            walk(x, mask: mask, &states, target.baseAddress)
        }
        return output
    }

    private func walk(_ x: Tensor, mask: [Bool]?, _ states: inout [Tensor], _ output: UnsafeMutablePointer<Float>?) {
        x.withUnsafeElements { (x: UnsafeBufferPointer<Float>) in
            guard let x = x.baseAddress else { return }
            withStates(&states) { h, c in
                let state = batch * units
                let counts = [projectionCount, recurrence.scratchPerRow * batch, state, mask == nil ? 0 : state]
                Workspace.withFloats(counts) { spaces in
                    let memory = Memory(
                        x: x, h: h, c: c, output: output, projection: spaces[0], scratch: spaces[1], spareH: spaces[2],
                        spareC: spaces[3])
                    if let mask { walkMasked(memory, mask) } else { walkUnmasked(memory) }
                }
            }
        }
    }

    private func withStates(
        _ states: inout [Tensor], _ body: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>?) -> Void
    ) {
        var cell = recurrence.hasCellState ? states.removeLast() : nil
        states[0].withUnsafeMutableElements { (h: UnsafeMutableBufferPointer<Float>) in
            guard let h = h.baseAddress else { return }
            guard cell != nil else { return body(h, nil) }
            cell?.withUnsafeMutableElements { (c: UnsafeMutableBufferPointer<Float>) in body(h, c.baseAddress) }
        }
        if let cell { states.append(cell) }
    }

    /// The memory of a walk: what its caller gave and what it works in.
    private struct Memory {
        let x: UnsafePointer<Float>
        /// The states, [batch, units]: initial before the walk, final after it.
        let h: UnsafeMutablePointer<Float>
        let c: UnsafeMutablePointer<Float>?
        /// The sequence of outputs or the last one; nil where nobody wants more than h.
        let output: UnsafeMutablePointer<Float>?
        let projection: UnsafeMutablePointer<Float>
        let scratch: UnsafeMutablePointer<Float>
        let spareH: UnsafeMutablePointer<Float>
        let spareC: UnsafeMutablePointer<Float>
    }
}

extension SequenceWalk {
    private var outputRowStride: Int { options.returnSequences ? rowStep * units : units }

    /// Where the rows of the `k`-th output begin; always the same place where only the last one is wanted.
    private func outputOffset(_ k: Int) -> Int { options.returnSequences ? k * timeStep * units : 0 }

    /// Writes every h straight into the output, or by turns into two buffers.
    private func walkUnmasked(_ memory: Memory) {
        var (previous, previousStride) = (memory.h, units)
        forEachStep(memory) { k, input in
            let target = memory.output.map { $0 + outputOffset(k) } ?? (k % 2 == 0 ? memory.spareH : memory.h)
            let stride = memory.output == nil ? units : outputRowStride
            recurrence.step(
                RecurrentStep(
                    rows: batch, input: input, previousH: previous, previousHStride: previousStride, h: target,
                    hStride: stride, previousC: memory.c, c: memory.c, scratch: memory.scratch))
            (previous, previousStride) = (target, stride)
        }
        guard previous != memory.h else { return }
        for row in 0..<batch { copy(previous + row * previousStride, to: memory.h + row * units) }
    }

    /// Steps all rows aside and takes over those that count; the others keep their states.
    private func walkMasked(_ memory: Memory, _ mask: [Bool]) {
        var hasOutput = [Bool](repeating: false, count: batch)
        forEachStep(memory) { k, input in
            let t = options.goBackwards ? time - 1 - k : k
            let rows = (0..<batch).lazy.map { mask[$0 * rowStep + t * timeStep] }
            if rows.contains(true) {
                recurrence.step(
                    RecurrentStep(
                        rows: batch, input: input, previousH: memory.h, previousHStride: units, h: memory.spareH,
                        hStride: units, previousC: memory.c, c: memory.spareC, scratch: memory.scratch))
            }
            for (row, counts) in rows.enumerated() {
                let offset = row * units
                if counts {
                    hasOutput[row] = true
                    copy(memory.spareH + offset, to: memory.h + offset)
                    if let c = memory.c { copy(memory.spareC + offset, to: c + offset) }
                }
                guard let output = memory.output else { continue }
                let target = output + outputOffset(k) + row * outputRowStride
                if counts || hasOutput[row] && !options.zeroOutputForMask {
                    copy(memory.h + offset, to: target)
                } else {
                    target.update(repeating: 0, count: units)
                }
            }
        }
    }

    private func copy(_ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>) {
        target.update(from: source, count: units)
    }
}

extension SequenceWalk {
    private var features: Int { recurrence.projection.features }
    private var width: Int { recurrence.projection.width }

    /// Whether the steps multiply the input themselves: with one step there is nothing to gather, and one product of a
    /// few features costs less than writing and reading its result.
    private var multipliesInStep: Bool { time == 1 || features <= 4 }

    /// How many steps are projected at once: as many as leave the result in the second-level cache.
    private var blockLength: Int { min(time, max(1, (1 << 18) / max(1, batch * width))) }

    private var projectionCount: Int { multipliesInStep ? 0 : batch * blockLength * width }

    /// Calls `body` for each step, in the order of processing, with its number in that order and its input.
    private func forEachStep(_ memory: Memory, _ body: (Int, RecurrentStep.Input) -> Void) {
        guard !multipliesInStep else {
            for k in 0..<time {
                let t = options.goBackwards ? time - 1 - k : k
                body(k, .raw(memory.x + t * timeStep * features, stride: rowStep * features))
            }
            return
        }
        for start in stride(from: 0, to: time, by: blockLength) {
            let length = min(blockLength, time - start)
            let first = options.goBackwards ? time - start - length : start
            project(memory, from: first, length)
            for k in 0..<length {
                let t = options.goBackwards ? length - 1 - k : k
                let sums = memory.projection + t * (options.timeMajor ? batch : 1) * width
                body(start + k, .projected(sums, stride: (options.timeMajor ? 1 : length) * width))
            }
        }
    }

    /// x·W + b of `length` steps, laid out as the input is.
    private func project(_ memory: Memory, from first: Int, _ length: Int) {
        let x = memory.x + first * timeStep * features
        func multiply(_ rows: Int, _ offset: Int, _ stride: Int, _ targetOffset: Int, _ targetStride: Int) {
            recurrence.projection.project(
                rows: rows, x + offset * features, stride: stride * features,
                into: memory.projection + targetOffset * width, stride: targetStride * width)
        }
        if options.timeMajor || length == time || batch == 1 {
            multiply(batch * length, 0, 1, 0, 1)
        } else if batch < length {
            for row in 0..<batch { multiply(length, row * time, 1, row * length, 1) }
        } else {
            for t in 0..<length { multiply(batch, t, time, t, length) }
        }
    }
}
