import CAllocations
import FerryEngine
import FerryRuntime
import FerryTestSupport
import Testing

/// Models whose every layer can be planned.
private let plannable: [@Sendable () throws -> Model] = [
    {
        try Model(seed: 1) {
            Input(3, 1); LSTM(50, activation: .relu); Dense(1)
        }
    },
    {
        try Model(seed: 2) {
            Input(nil, 5); LSTM(16, returnSequences: true); Dropout(0.5); GRU(12); Dense(3, activation: .softmax)
        }
    },
    {
        try Model(seed: 3) {
            Input(7, 4); Bidirectional(LSTM(9, returnSequences: true)); TimeDistributed(Dense(4, activation: .tanh));
            Flatten()
        }
    },
    {
        try Model(seed: 4) {
            Input(6, 4); Masking(0); SimpleRNN(8, returnSequences: true); LayerNormalization(); BatchNormalization();
            LSTM(5)
        }
    },
    {
        try Model(seed: 5) {
            Input(4); Dense(8, activation: .gelu(approximate: false)); RepeatVector(3); Permute(2, 1);
            GRU(4, resetAfter: false); Reshape(2, 2)
        }
    },
    {
        try Model(seed: 6) {
            Input(9, 4); LocalPooling(.average, SpatialOptions(size: [3], strides: [2], padding: .same));
            Bidirectional(LSTM(6, returnSequences: true), merge: .average);
            LocalPooling(.maximum, SpatialOptions(size: [2], strides: [2]));
            Bidirectional(GRU(3, returnSequences: true), merge: .sum); GlobalPooling(.maximum)
        }
    },
    {
        try Model(seed: 7) {
            Input(5, 4); Masking(0); Bidirectional(SimpleRNN(6, returnSequences: true), merge: .multiply);
            GlobalPooling(.average)
        }
    },
]

/// Whether the compiler optimises; without, closures and accessors ask the heap for what costs nothing otherwise.
private let isOptimized: Bool = {
    #if DEBUG
    false
    #else
    true
    #endif
}()

@Suite struct PlanTests {
    @Test(arguments: 0..<plannable.count) func agreesWithTheDefinitions(_ index: Int) throws {
        let model = try plannable[index]()
        let session = try InferenceSession(model)
        var random = RandomSource(seed: 8)
        for (batch, time) in [(1, 3), (4, 5), (1, 3)] {
            let x = random.uniform(shape(of: model, batch: batch, time: time), in: -1..<1)
            var state = LayerState()
            let plain = try model.graph.evaluate([x], model.parameters, &state)[0]
            let planned = try session.predict(x)
            #expect(Difference(planned, plain).isWithin(.relative(1e-5)))
            var given = Tensor(zeros: planned.shape)
            try session.predict(x, into: &given)
            #expect(given == planned)
            #expect(try session.predict([x]) == [planned])
        }
    }

    @Test(.enabled(if: isOptimized, "unoptimised Swift allocates"), arguments: 0..<plannable.count)
    func predictAllocatesNothingAfterTheFirstCall(_ index: Int) throws {
        let model = try plannable[index]()
        let session = try InferenceSession(model)
        let x = Tensor(zeros: shape(of: model, batch: 2, time: 4))
        let inputs = [x]
        var output = try session.predict(x)
        let count = try allocations {
            _ = try session.predict(x)
            _ = try session.predict(inputs)
            try session.predict(x, into: &output)
        }
        #expect(count == 0)
    }

    @Test func keepsOutputsThatSomebodyHolds() throws {
        let session = try InferenceSession(try plannable[0]())
        let first = try session.predict(Tensor([1, 2, 3] as [Float], shape: [1, 3, 1]))
        let copy = first.floats
        let second = try session.predict(Tensor([9, 2, 3] as [Float], shape: [1, 3, 1]))
        #expect(first.floats == copy)
        #expect(second != first)
    }

    @Test(.enabled(if: isOptimized, "unoptimised Swift allocates")) func aStepAllocatesNothing() throws {
        let model = try Model(seed: 1) {
            Input(nil, 3); LSTM(40, returnSequences: true); GRU(8); Dense(2)
        }
        var stream = try InferenceSession(model).stream()
        let frame = Tensor([0.5, -1, 2] as [Float])
        let numbers: [Float] = [0.5, -1, 2]
        var output: [Float] = [0, 0]
        let count = try allocations {
            for _ in 0..<10 { _ = try stream.step(frame) }
            try numbers.withUnsafeBufferPointer { numbers in
                try output.withUnsafeMutableBufferPointer { try stream.step(numbers, into: $0) }
            }
        }
        #expect(count == 0)
    }

    @Test func stepsAreThoseOfTheSequence() throws {
        let model = try Model(seed: 1) {
            Input(nil, 3); LSTM(20, returnSequences: true); Dense(2)
        }
        let session = try InferenceSession(model)
        var random = RandomSource(seed: 1)
        let x = random.uniform([1, 6, 3], in: -1..<1)
        let whole = try session.predict(x)
        var stream = try session.stream()
        var saved = stream.state
        for t in 0..<6 {
            if t == 3 { saved = stream.state }
            let y = try stream.step(x.sliced(axis: 1, from: t, count: 1).reshaped([3]))
            #expect(Difference(y, whole.sliced(axis: 1, from: t, count: 1).reshaped([1, 2])).isWithin(.relative(1e-6)))
        }
        let last = try stream.step(Tensor(zeros: [3]))
        stream.state = saved
        for t in 3..<6 { _ = try stream.step(x.sliced(axis: 1, from: t, count: 1).reshaped([1, 3])) }
        #expect(try stream.step(Tensor(zeros: [3])) == last)
    }

    @Test func wrongLengthsOfAStepAreRefused() throws {
        let model = try Model(seed: 1) {
            Input(nil, 3); LSTM(20); Dense(2)
        }
        var stream = try InferenceSession(model).stream()
        let numbers: [Float] = [1]
        var output: [Float] = [0, 0]
        let sentence = sentence {
            try numbers.withUnsafeBufferPointer { numbers in
                try output.withUnsafeMutableBufferPointer { try stream.step(numbers, into: $0) }
            }
        }
        #expect(
            sentence == "\(model.name) › one time step: 1 numbers in and 2 out; expected 3 in and 2 out")
    }

    @Test func threadsAndBatchesComputeTheSame() throws {
        let model = try Model(seed: 1) {
            Input(nil, 12); LSTM(260, returnSequences: true); Dense(2)
        }
        var random = RandomSource(seed: 1)
        for batch in [1, 6] {
            let x = random.uniform([batch, 5, 12], in: -1..<1)
            #expect(try InferenceSession(model, threads: 2).predict(x) == InferenceSession(model).predict(x))
        }
    }

    @Test(arguments: [WeightPrecision.bfloat16, .int8]) func fewerBitsStayNear(_ precision: WeightPrecision) throws {
        let model = try Model(seed: 1) {
            Input(nil, 12); LSTM(64, returnSequences: true); Dense(16)
        }
        var random = RandomSource(seed: 1)
        let x = random.uniform([3, 9, 12], in: -1..<1)
        let exact = try InferenceSession(model).predict(x)
        let session = try InferenceSession(model, weights: precision)
        let found = try session.predict(x)
        #expect(found != exact)
        #expect(Difference(found, exact).isWithin(.relative(0.02)))
        for row in 0..<3 { #expect(try session.predict(x.rows([row])) == found.rows([row])) }
    }

    private func shape(of model: Model, batch: Int, time: Int) -> [Int] {
        model.inputs[0].type.shape.enumerated().map { axis, length in length.length ?? (axis == 0 ? batch : time) }
    }

    /// How often `body` asks the heap for memory when it has run twice before.
    private func allocations(_ body: () throws -> Void) rethrows -> Int64 {
        for _ in 0..<2 { try body() }
        let before = ferry_allocation_count()
        try body()
        return ferry_allocation_count() - before
    }
}
