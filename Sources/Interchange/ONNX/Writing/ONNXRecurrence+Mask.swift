import FerryEngine
import FerryRuntime

/// ONNX's operators skip steps only at the end of a sequence, Keras skips any. So the steps that count are moved to the
/// front, the operator runs over as many of them as each row has, and its outputs are moved back.
extension ONNXRecurrence {
    /// With a mask, the operator over the steps that count.
    func emitMaskedOperator(into emitter: inout ONNXEmitter) throws -> Outputs {
        let steps = MaskedSteps(options, input, &emitter)
        let direction = ONNXDirection(layer, parameters, isReverse: false)
        let states = initial.map { emitter.stacked([$0]) }
        let raw = try emitter.recurrent(
            [direction], emitter.transpose(steps.compacted(&emitter), [1, 0, 2]), lengths: steps.lengths(&emitter),
            initial: states, wants: ONNXWanted(options))

        let zero = emitter.scalar(0)
        let beginning = beginsWithState ? emitter.float32(initial[0]) : zero
        let any = steps.any(&emitter)
        let lasts = raw.states(0, &emitter)
        let kept = lasts.indices.map { state in
            // A row without steps keeps its initial state; what the operator gives for length 0 is not specified.
            emitter.apply("Where", any, lasts[state], initial.isEmpty ? zero : emitter.float32(initial[state]))
        }
        guard options.returnSequences else {
            let counts = options.zeroOutputForMask ? steps.countsAtEnd(&emitter) : any
            let last = lasts.first ?? raw.last(0, &emitter)
            let hidden = options.zeroOutputForMask ? zero : beginning
            return Outputs(output: emitter.apply("Where", counts, last, hidden), states: kept)
        }
        let y = emitter.transpose(emitter.squeeze(raw.sequence, [1]), [1, 0, 2])
        var sequence =
            options.zeroOutputForMask
            ? steps.restored(y, zeroAtMasked: true, otherwise: zero, &emitter)
            : steps.restored(
                y, zeroAtMasked: false,
                otherwise: beginsWithState ? emitter.unsqueeze(beginning, [1]) : zero, &emitter)
        if sequenceIsReversed { sequence = emitter.reverse(sequence, axis: 1) }
        if options.timeMajor { sequence = emitter.transpose(sequence, [1, 0, 2]) }
        return Outputs(output: sequence, states: kept)
    }
}

/// The steps of a masked sequence in the order of processing.
private struct MaskedSteps {
    /// [batch, time, features]
    let x: String
    /// bool [batch, time]
    let mask: String
    /// The mask as int64.
    let ones: String
    /// The number of steps that count, int64 [batch].
    let count: String

    init(_ options: RecurrentOptions, _ input: ONNXSignal, _ emitter: inout ONNXEmitter) {
        var x = emitter.float32(input)
        var mask = input.mask?.name ?? ""
        if options.timeMajor {
            x = emitter.transpose(x, [1, 0, 2])
            mask = emitter.transpose(mask, [1, 0])
        }
        if options.goBackwards {
            x = emitter.reverse(x, axis: 1)
            mask = emitter.reverse(mask, axis: 1)
        }
        self.x = x
        self.mask = mask
        ones = emitter.cast(mask, to: .int64)
        count = emitter.reduce("ReduceSum", ones, axes: [1], keepsAxes: false)
    }

    /// x with the steps that count in front, each kind in its order: sorted by the index of the step, to which the
    /// number of all steps is added where it is masked.
    func compacted(_ emitter: inout ONNXEmitter) -> String {
        let time = emitter.lengths(mask, from: 1, to: 2)
        let index = emitter.apply("Range", emitter.integer(0), emitter.squeeze(time, [0]), emitter.integer(1))
        let masked = emitter.apply("Sub", emitter.integer(1), ones)
        let keys = emitter.apply("Add", index, emitter.apply("Mul", masked, time))
        let order = emitter.apply(
            "TopK", [keys, time], outputs: [true, true],
            attributes: ["axis": .int(1), "largest": .int(0), "sorted": .int(1)])[1]
        return emitter.gatherSteps(of: x, at: order)
    }

    /// The number of steps that the operator runs over, at least one: runtimes differ in what they do with none.
    func lengths(_ emitter: inout ONNXEmitter) -> String {
        emitter.cast(emitter.apply("Max", count, emitter.integers([1])), to: .int32)
    }

    /// Whether any step counts, bool [batch, 1].
    func any(_ emitter: inout ONNXEmitter) -> String {
        emitter.unsqueeze(emitter.apply("Greater", count, emitter.integer(0)), [1])
    }

    /// Whether the step processed last counts, bool [batch, 1].
    func countsAtEnd(_ emitter: inout ONNXEmitter) -> String {
        emitter.apply("Slice", mask, emitter.integers([-1]), emitter.integers([.max]), emitter.integers([1]))
    }

    /// The outputs of the steps that count, back in their places; a masked step repeats the last output, or is zero.
    /// Before the first output stands `first`.
    func restored(_ y: String, zeroAtMasked: Bool, otherwise first: String, _ emitter: inout ONNXEmitter) -> String {
        let place = emitter.apply("Sub", emitter.apply("CumSum", ones, emitter.integer(1)), emitter.integer(1))
        let outputs = emitter.gatherSteps(of: y, at: emitter.apply("Max", place, emitter.integer(0)))
        let counts = zeroAtMasked ? mask : emitter.apply("GreaterOrEqual", place, emitter.integer(0))
        return emitter.apply("Where", emitter.unsqueeze(counts, [2]), outputs, first)
    }
}

extension ONNXEmitter {
    /// The steps of `x` [batch, time, features] at the places `steps`, int64 [batch, time].
    fileprivate mutating func gatherSteps(of x: String, at steps: String) -> String {
        let places = apply("Expand", unsqueeze(steps, [2]), lengths(x))
        return apply("GatherElements", x, places, attributes: ["axis": .int(1)])
    }
}
