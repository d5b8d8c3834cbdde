import FerryEngine
import FerryRuntime
import Testing

@Suite struct SessionTests {
    private let model: Model
    private let session: InferenceSession

    init() throws {
        model = try Model {
            Input(3, 1); LSTM(50, activation: .relu); Dense(1)
        }
        session = try InferenceSession(model)
    }

    @Test func predictsAnyBatch() throws {
        var random = RandomSource(seed: 1)
        let x = random.uniform([9, 3, 1], in: 0..<100)
        let together = try session.predict(x)
        #expect(together.shape == [9, 1])
        for row in 0..<9 { #expect(try session.predict(x.rows([row])) == together.rows([row])) }
        #expect(try session.predict(Tensor(zeros: [0, 3, 1])).shape == [0, 1])
    }

    @Test func agreesWithTheDefinitions() throws {
        var random = RandomSource(seed: 1)
        let x = random.uniform([4, 3, 1], in: -1..<1)
        var state = LayerState()
        var signals = [Signal(x)]
        for layer in model.graph.layers {
            signals = try layer.operation.evaluate(Slots(signals), model.parameters.scoped(to: layer.name), &state)
        }
        #expect(Difference(try session.predict(x), signals[0].tensor).isWithin(.relative(1e-6)))
    }

    @Test func takesWhatLosesNothing() throws {
        let integers = Tensor([10, 20, 30] as [Int64], shape: [1, 3, 1])
        let doubles = integers.cast(to: .float64)
        let expected = try session.predict(integers.cast(to: .float32))
        #expect(try session.predict(integers) == expected)
        #expect(try session.predict(doubles) == expected)
        #expect(try session.predict(["input": doubles]) == ["dense": expected])
        #expect(
            sentence { _ = try session.predict(Tensor([Int64(16_777_217), 0, 0], shape: [1, 3, 1])) }
                == "sequential › input 'input': holds int64 values such as 16777217.0; float32 without loss")
    }

    @Test func saysWhatDoesNotFit() {
        #expect(
            sentence { _ = try session.predict(Tensor(zeros: [1, 4, 1])) }
                == "sequential › input 'input': shape [1, 4, 1]; [batch, 3, 1]")
        #expect(
            sentence { _ = try session.predict(Tensor(zeros: [3, 1])) }
                == "sequential › input 'input': shape [3, 1]; [batch, 3, 1]")
        #expect(
            sentence { _ = try session.predict([Tensor(zeros: [1]), Tensor(zeros: [1])]) }
                == "sequential: 2 inputs; 1: [\"input\"]")
        #expect(
            sentence { _ = try session.predict(["x": Tensor(zeros: [1])]) }
                == "sequential: an input 'x'; inputs [\"input\"]")
        #expect(
            sentence { _ = try session.predict([String: Tensor]()) }
                == "sequential: no input 'input'; inputs [\"input\"]")
    }

    @Test func asksForAllOutputsWhereThereAreSeveral() throws {
        var graph = Graph()
        let x = graph.addInput("x", ValueType(.float32, [.batch, 2]))
        graph.setOutputs([x, x], names: ["a", "a"])
        let session = try InferenceSession(Model(name: "twice", graph: graph, parameters: ParameterSet()))
        let input = Tensor([1, 2] as [Float], shape: [1, 2])
        #expect(try session.predict(["x": input]) == ["a": input, "a_1": input])
        #expect(
            sentence { _ = try session.predict(input) }
                == "twice: 2 outputs; one; call predict([input]), which returns all of them")
    }

    @Test func runsFromSeveralTasks() async throws {
        var random = RandomSource(seed: 3)
        let x = random.uniform([2, 3, 1], in: -1..<1)
        let expected = try session.predict(x)
        let session = session
        try await withThrowingTaskGroup(of: Tensor.self) { group in
            for _ in 0..<16 { group.addTask { try session.predict(x) } }
            for try await found in group { #expect(found == expected) }
        }
    }
}

@Suite struct StatefulSessionTests {
    @Test func goesOnWhereItStopped() throws {
        var first = LSTM(7, returnSequences: true)
        var second = GRU(5, returnSequences: true)
        let whole = try InferenceSession(
            Model(seed: 4) {
                Input(nil, 6); first; second
            })
        first.options.isStateful = true
        second.options.isStateful = true
        let session = try InferenceSession(
            Model(seed: 4) {
                Input(nil, 6); first; second
            })
        var random = RandomSource(seed: 5)
        let x = random.uniform([2, 8, 6], in: -1..<1)
        let expected = try whole.predict(x)
        for _ in 0..<2 {
            let parts = try x.split(axis: 1, lengths: [3, 1, 4]).map { try session.predict($0) }
            #expect(Difference(.concatenated(parts, axis: 1), expected).isWithin(.relative(1e-6)))
            session.reset()
        }
        _ = try session.predict(x)
        #expect(
            sentence { _ = try session.predict(x.rows([0])) }
                == "layer 'lstm' (LSTM): initial states of shapes [[2, 7], [2, 7]]; [[1, 7], [1, 7]]; keep the batch "
                + "size of a stateful model, or reset its states first")
    }

    @Test func goesOnFromAStateOfTheCaller() throws {
        let session = try InferenceSession(
            Model {
                Input(nil, 2); SimpleRNN(4, returnSequences: true)
            })
        var random = RandomSource(seed: 6)
        let x = random.uniform([1, 5, 2], in: -1..<1)
        var state = LayerState(isStreaming: true)
        let parts = try x.split(axis: 1, lengths: [2, 3]).map { try session.predict([$0], state: &state)[0] }
        #expect(Difference(.concatenated(parts, axis: 1), try session.predict(x)).isWithin(.relative(1e-6)))
        #expect(try session.predict(x) == session.predict(x))
    }
}
