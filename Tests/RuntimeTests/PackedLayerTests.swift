import FerryEngine
import FerryRuntime
import Testing

/// A layer under a name.
struct LayerCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let layer: any RecurrentOperator

    init(_ name: String, _ layer: any RecurrentOperator) {
        testDescription = name
        self.layer = layer
    }

    init<Layer: RecurrentOperator>(_ name: String, _ layer: Layer, _ change: (inout Layer) -> Void) {
        var layer = layer
        change(&layer)
        self.init(name, layer)
    }
}

private let layers: [LayerCase] = [
    LayerCase("LSTM", LSTM(6)),
    LayerCase("LSTM, relu", LSTM(9, activation: .relu)),
    LayerCase("LSTM, other functions", LSTM(5, activation: .softsign, recurrentActivation: .hardSigmoidKeras2)) {
        $0.outputActivation = .elu(alpha: 0.5)
    },
    LayerCase("LSTM, no bias, clipping", LSTM(8)) {
        $0.useBias = false
        $0.clip = 0.4
    },
    LayerCase("LSTM, peepholes", LSTM(7)) { $0.usesPeepholes = true },
    LayerCase("LSTM, coupled gates, peepholes", LSTM(17)) {
        $0.couplesInputAndForget = true
        $0.usesPeepholes = true
    },
    LayerCase("LSTM, softmax gates", LSTM(4, recurrentActivation: .softmax)),
    LayerCase("LSTM, clipping to nothing", LSTM(4)) { $0.clip = 0 },
    LayerCase("GRU, reset after", GRU(6)),
    LayerCase("GRU, reset before", GRU(11, resetAfter: false)),
    LayerCase("GRU, no bias", GRU(6)) { $0.useBias = false },
    LayerCase("GRU, reset before, no bias, clipping", GRU(3, resetAfter: false)) {
        $0.useBias = false
        $0.clip = 0.4
    },
    LayerCase("GRU, softmax", GRU(4, activation: .softmax)),
    LayerCase("SimpleRNN", SimpleRNN(6)),
    LayerCase("SimpleRNN, relu, no bias", SimpleRNN(13, activation: .relu)) { $0.useBias = false },
    LayerCase("SimpleRNN, softmax", SimpleRNN(4, activation: .softmax)),
]

/// Every combination of the options that change numbers.
private let optionTable: [RecurrentOptions] = (0..<32).map { bits in
    var options = RecurrentOptions()
    options.returnSequences = bits & 1 != 0
    options.goBackwards = bits & 2 != 0
    options.timeMajor = bits & 4 != 0
    options.zeroOutputForMask = bits & 8 != 0
    options.returnState = bits & 16 != 0
    return options
}

/// Masks of three sequences of five steps: padded behind, padded before, with gaps, and one that hides everything.
private let masks: [[Bool]?] = [
    nil,
    [true, true, true, true, true, true, true, false, false, false, true, false, false, false, false],
    [false, false, true, true, true, false, true, true, true, true, true, true, true, true, true],
    [true, false, true, false, true, false, false, false, false, false, false, true, false, false, true],
    [Bool](repeating: false, count: 15), [Bool](repeating: true, count: 15),
]

@Suite struct PackedRecurrentLayerTests {
    @Test(arguments: layers) func agreesWithTheDefinition(_ layer: LayerCase) throws {
        for features in [3, 7] {
            var pair = try Pair(layer.layer, features: features)
            for options in optionTable {
                pair.options = options
                for mask in masks {
                    let x = pair.random.uniform(options.timeMajor ? [5, 3, features] : [3, 5, features], in: -1..<1)
                    let counts = mask.map { Tensor($0, shape: [3, 5]) }
                    let signal = Signal(x, mask: options.timeMajor ? counts?.transposed([1, 0]) : counts)
                    try pair.expectAgreement(Slots([signal]))
                    try pair.expectAgreement(Slots([signal] + pair.states(batch: 3).map { Signal($0) }))
                }
            }
        }
    }

    @Test(arguments: layers) func carriesStatesFromCallToCall(_ layer: LayerCase) throws {
        for isStreaming in [false, true] {
            var pair = try Pair(layer.layer, features: 6)
            pair.options.isStateful = !isStreaming
            pair.options.returnState = true
            var states = (plain: LayerState(isStreaming: isStreaming), packed: LayerState(isStreaming: isStreaming))
            for time in [1, 4, 0, 1, 1, 2] {
                let x = Signal(pair.random.uniform([2, time, 6], in: -1..<1))
                try pair.expectAgreement(Slots([x]), &states)
            }
            #expect(states.packed.tensors.map(\.shape) == layer.layer.stateSizes.map { [2, $0] })
        }
    }

    @Test(arguments: layers) func keepsSavedStates(_ layer: LayerCase) throws {
        var pair = try Pair(layer.layer, features: 6)
        let ready = try pair.ready
        var state = LayerState(isStreaming: true)
        let x = Slots([Signal(pair.random.uniform([2, 1, 6], in: -1..<1))])
        _ = try ready.run(x, &state)
        let saved = state
        let copies = saved.tensors.map { Tensor($0.floats, shape: $0.shape) }
        let first = try ready.run(x, &state)
        #expect(saved.tensors == copies)
        state = saved
        #expect(try ready.run(x, &state)[0].tensor == first[0].tensor)
    }

    @Test(arguments: layers) func handlesNothing(_ layer: LayerCase) throws {
        for shape in [[0, 4, 5], [3, 0, 5], [0, 0, 5]] {
            for returnSequences in [false, true] {
                for timeMajor in [false, true] {
                    var pair = try Pair(layer.layer, features: 5)
                    pair.options.returnSequences = returnSequences
                    pair.options.timeMajor = timeMajor
                    pair.options.returnState = true
                    let x = Tensor(zeros: shape)
                    try pair.expectAgreement(Slots([Signal(x)]))
                    let mask = Tensor(zeros: Array(shape.prefix(2)), dtype: .bool)
                    try pair.expectAgreement(Slots([Signal(x, mask: mask)]))
                    let batch = shape[timeMajor ? 1 : 0]
                    try pair.expectAgreement(Slots([Signal(x)] + pair.states(batch: batch).map { Signal($0) }))
                }
            }
        }
    }

    /// Sequences whose projection does not fit the cache, projected by rows and by steps.
    @Test(arguments: [
        (LayerCase("long", SimpleRNN(256)), 3, 400), (LayerCase("wide", GRU(48)), 300, 8),
        (LayerCase("one step at a time", LSTM(16)), 5000, 3),
    ]) func projectsInBlocks(_ layer: LayerCase, batch: Int, time: Int) throws {
        for bits in 0..<4 {
            var pair = try Pair(layer.layer, features: 5)
            pair.options.returnSequences = true
            pair.options.goBackwards = bits & 1 != 0
            pair.options.timeMajor = bits & 2 != 0
            let shape = pair.options.timeMajor ? [time, batch, 5] : [batch, time, 5]
            try pair.expectAgreement(Slots([Signal(pair.random.uniform(shape, in: -1..<1))]), within: 1e-5)
        }
    }

    @Test(arguments: Kernels.available) func runsOnEveryInstructionSet(_ kernels: Kernels) throws {
        let x = Slots([ValueType(.float32, [.batch, .time, 12])])
        var random = RandomSource(seed: 8)
        let input = Slots([Signal(random.uniform([4, 9, 12], in: -1..<1))])
        let lstm = LSTM(20, returnSequences: true)
        let parameters = try random.parameters(lstm.parameterSpecs(for: x))
        var state = LayerState()
        let found = try #require(try lstm.packed(parameters, Packing(kernels: kernels))).run(input, &state)
        let expected = try lstm.evaluate(input, parameters, &state)
        #expect(Difference(found[0].tensor, expected[0].tensor).isWithin(.relative(2e-6)))
    }

    @Test func leavesWhatTheKernelsLackToTheDefinition() throws {
        var random = RandomSource(seed: 8)
        let lstm = LSTM(4, recurrentActivation: .softmax)
        let x = Slots([ValueType(.float32, [.batch, .time, 2])])
        let parameters = try random.parameters(lstm.parameterSpecs(for: x))
        #expect(try lstm.packed(parameters, Packing()) == nil)
        #expect(try LSTM(4).packed(parameters, Packing()) != nil)
    }

    @Test func refusesOtherFeatures() throws {
        let pair = try Pair(GRU(4), features: 3)
        var state = LayerState()
        #expect {
            try pair.ready.run(Slots([Signal(Tensor(zeros: [1, 2, 4]))]), &state)
        } throws: { "\($0)" == "input [1, 2, 4]; [batch, time, 3]" }
    }
}

@Suite struct PackedWrapperTests {
    @Test(arguments: layers) func agreesThroughBidirectional(_ layer: LayerCase) throws {
        let merges: [Bidirectional.Merge?] = Bidirectional.Merge.allCases + [nil]
        for (number, merge) in merges.enumerated() {
            for mask in masks {
                var inner = layer.layer
                inner.options.returnSequences = number % 2 == 0
                inner.options.returnState = true
                let wrapper = Bidirectional(inner, merge: merge)
                var random = RandomSource(seed: UInt64(number))
                let x = random.uniform([3, 5, 6], in: -1..<1)
                let signal = Signal(x, mask: mask.map { Tensor($0, shape: [3, 5]) })
                let states = (inner.stateSizes + inner.stateSizes).map { random.uniform([3, $0], in: -1..<1) }
                try expectAgreement(wrapper, Slots([signal]), &random)
                try expectAgreement(wrapper, Slots([signal] + states.map { Signal($0) }), &random)
            }
        }
    }

    @Test(arguments: [ActivationFunction.linear, .relu, .tanh, .softmax, .sparsemax(axis: -1), .logSoftmax(axis: 1)])
    func agreesForDense(_ activation: ActivationFunction) throws {
        var random = RandomSource(seed: 12)
        for useBias in [false, true] {
            for shape in [[1, 1], [3, 17], [2, 5, 9], [2, 2, 3, 33], [0, 4], [2, 0, 4], [70, 40]] {
                for units in [1, 8, 31] {
                    var dense = Dense(units, activation: activation)
                    dense.useBias = useBias
                    let mask = shape.count == 3 ? Tensor(zeros: Array(shape.prefix(2)), dtype: .bool) : nil
                    let x = random.uniform(shape, in: -1..<1)
                    try expectAgreement(dense, Slots([Signal(x, mask: mask)]), &random)
                    try expectAgreement(dense, Slots([Signal(x.cast(to: .float64))]), &random)
                }
            }
        }
    }

    @Test func agreesThroughTimeDistributed() throws {
        var random = RandomSource(seed: 13)
        let x = random.uniform([2, 3, 4, 5], in: -1..<1)
        try expectAgreement(TimeDistributed(LSTM(6)), Slots([Signal(x)]), &random)
        try expectAgreement(TimeDistributed(Dense(6, activation: .tanh)), Slots([Signal(x)]), &random)
    }

    private func expectAgreement(
        _ layer: any Operator, _ inputs: Slots<Signal>, _ random: inout RandomSource,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let specs = try layer.parameterSpecs(for: inputs.map { ValueType(of: $0.tensor) })
        let parameters = random.parameters(specs)
        var states = (plain: LayerState(), packed: LayerState())
        let expected = try layer.evaluate(inputs, parameters, &states.plain)
        let found = try layer.prepare(parameters).run(inputs, &states.packed)
        expectEqual(found, expected, sourceLocation: sourceLocation)
    }
}

/// A recurrent layer with parameters, run both ways.
private struct Pair {
    var layer: any RecurrentOperator
    let parameters: ParameterSet
    var random = RandomSource(seed: 77)

    init(_ layer: any RecurrentOperator, features: Int) throws {
        self.layer = layer
        let types = Slots([ValueType(.float32, [.batch, .time, .fixed(features)])])
        parameters = random.parameters(try layer.parameterSpecs(for: types))
    }

    var options: RecurrentOptions {
        get { layer.options }
        set { layer.options = newValue }
    }

    var ready: any PreparedOperator { get throws { try layer.prepare(parameters) } }

    mutating func states(batch: Int) -> [Tensor] {
        layer.stateSizes.map { random.uniform([batch, $0], in: -1..<1) }
    }

    func expectAgreement(
        _ inputs: Slots<Signal>, within bound: Double = 4e-6, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        var states = (plain: LayerState(), packed: LayerState())
        try expectAgreement(inputs, &states, within: bound, sourceLocation: sourceLocation)
    }

    func expectAgreement(
        _ inputs: Slots<Signal>, _ states: inout (plain: LayerState, packed: LayerState), within bound: Double = 4e-6,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let expected = try layer.evaluate(inputs, parameters, &states.plain)
        let found = try ready.run(inputs, &states.packed)
        expectEqual(found, expected, "\(options)", within: bound, sourceLocation: sourceLocation)
        expectEqual(
            states.packed.tensors.map { Signal($0) }, states.plain.tensors.map { Signal($0) }, "states, \(options)",
            within: bound, sourceLocation: sourceLocation)
    }
}

private func expectEqual(
    _ found: [Signal], _ expected: [Signal], _ comment: String = "", within bound: Double = 4e-6,
    sourceLocation: SourceLocation
) {
    #expect(found.count == expected.count, "\(comment)", sourceLocation: sourceLocation)
    for (a, b) in zip(found, expected) {
        let difference = Difference(a.tensor, b.tensor)
        #expect(difference.isWithin(.relative(bound)), "\(comment): \(difference)", sourceLocation: sourceLocation)
        #expect(a.mask == b.mask, "\(comment)", sourceLocation: sourceLocation)
    }
}

extension RandomSource {
    /// Parameters as a trained layer may have them: none of them zero, and none so large that a recurrence turns
    /// rounding into chaos.
    fileprivate mutating func parameters(_ specs: [ParameterSpec]) -> ParameterSet {
        var result = ParameterSet()
        for spec in specs {
            let limit = min(0.4, 1 / Float(spec.shape[0]).squareRoot())
            result[spec.name] = uniform(spec.shape, in: -limit..<limit)
        }
        return result
    }
}
