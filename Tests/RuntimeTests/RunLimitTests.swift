import FerryEngine
import FerryRuntime
import Testing

/// What a small model may not make of nothing.
@Suite struct RunLimitTests {
    @Test func endlessLoop() throws {
        var model = Graph()
        _ = try model.append("loop", try endless(), [nil, nil, model.addConstant("x", Tensor(scalar: Float(0)))])
        #expect(
            sentence { try run(model) }
                == "layer 'loop' (Loop): a loop of more than 65536 rounds; a loop that ends; "
                + "raise RunLimits.rounds if the model is meant to run so long")
    }

    @Test func loopsInsideEachOtherCountTogether() throws {
        var body = Graph()
        let round = body.addInput("round", ValueType(.int64, []))
        let goesOn = body.addInput("condition", ValueType(.bool, []))
        let x = body.addInput("x", ValueType(.float32, []))
        let inner = try body.append(
            "inner", try endless(), [body.addConstant("n", Tensor(scalar: Int64(1000))), nil, x])
        body.setOutputs([goesOn, inner[0]], names: ["condition", "x"])
        _ = round
        var model = Graph()
        _ = try model.append(
            "outer", Loop(body, carried: 1), [nil, nil, model.addConstant("x", Tensor(scalar: Float(0)))])
        var limits = RunLimits()
        limits.rounds = 2000
        let text = RunLimits.$current.withValue(limits) { sentence { try run(model) } }
        #expect(text.contains("a loop of more than 32000 rounds"), "\(text)")
    }

    @Test func callersRaiseTheLimit() throws {
        var model = Graph()
        let x = model.addConstant("x", Tensor(scalar: Float(0)))
        let count = model.addConstant("n", Tensor(scalar: Int64(70_000)))
        let y = try model.append("loop", try endless(), [count, nil, x])
        model.setOutputs(y, names: ["y"])
        var limits = RunLimits()
        limits.rounds = 100_000
        try RunLimits.$current.withValue(limits) { try run(model) }
    }

    @Test(arguments: [1 << 28, 1 << 62]) func valuesOfAbsurdSize(length: Int) throws {
        let expand = Expand(.known([length, 4]))
        var state = LayerState()
        let text = sentence {
            _ = try expand.evaluate(Slots([Signal(Tensor(scalar: Float(1)))]), ParameterSet(), &state)
        }
        #expect(text == "a result of shape [\(length), 4]; lengths from 0, at most 134217728 elements")
    }

    @Test func manyLargeValuesAtOnce() throws {
        var graph = Graph()
        let x = graph.addInput("x", ValueType(.float32, [.fixed(1), .fixed(1)]))
        let shape = graph.addInput("shape", ValueType(.int64, [.fixed(2)]))
        let parts = try (0..<6).map { try graph.append("part\($0)", Expand(.input(1)), [x, shape])[0] }
        graph.setOutputs(parts, names: parts.indices.map { "y\($0)" })
        var limits = RunLimits()
        limits.bytes = 1 << 20
        let text = RunLimits.$current.withValue(limits) {
            sentence { try run(graph, [Tensor(zeros: [1, 1]), Tensor([256, 256] as [Int64])]) }
        }
        #expect(
            text == "layer 'part4' (Expand): values of 1048580 bytes at once; at most 1048576; "
                + "raise RunLimits.bytes if the model is meant to hold so much")
    }

    @Test func manySamplesBringTheirRoom() throws {
        let model = try Model {
            Input(4); Dense(512); Dense(512, activation: .tanh); Dense(1)
        }
        var limits = RunLimits()
        (limits.elements, limits.bytes) = (1 << 16, 1 << 18)
        let x = Tensor(zeros: [4096, 4])
        try RunLimits.$current.withValue(limits) {
            try #expect(InferenceSession(model).predict(x).shape == [4096, 1])
            var state = LayerState()
            try #expect(InferenceSession(model).predict([x], state: &state)[0].shape == [4096, 1])
        }
        limits.elementsPerInput = 0
        let text = RunLimits.$current.withValue(limits) {
            sentence { _ = try InferenceSession(model).predict(x) }
        }
        #expect(text.contains("4096, 512"), "\(text)")
    }

    @Test func loopThatCollects() throws {
        var body = Graph()
        _ = body.addInput("round", ValueType(.int64, []))
        let goesOn = body.addInput("condition", ValueType(.bool, []))
        let x = body.addInput("x", ValueType(.float32, []))
        let left = try body.append("left", Expand(.known([1024])), [x])
        body.setOutputs([goesOn, x, left[0]], names: ["condition", "x", "left"])
        var model = Graph()
        _ = try model.append(
            "loop", Loop(body, carried: 1), [nil, nil, model.addConstant("x", Tensor(scalar: Float(0)))])
        var limits = RunLimits()
        limits.bytes = 1 << 20
        let text = RunLimits.$current.withValue(limits) { sentence { try run(model) } }
        #expect(text.contains("bytes at once; at most 1048576"), "\(text)")
    }

    @Test func productOfValuesThatAModelMakesUp() throws {
        var graph = Graph()
        let x = graph.addInput("x", ValueType(.float32, [.fixed(1), .fixed(1)]))
        let wide = try graph.append("wide", Expand(.known([256, 256])), [x])
        let product = try graph.append("product", MatMul(), [wide[0], wide[0]])
        graph.setOutputs(product, names: ["y"])
        var limits = RunLimits()
        limits.work = 1 << 24
        limits.workPerInput = 16
        let text = RunLimits.$current.withValue(limits) { sentence { try run(graph, [Tensor(zeros: [1, 1])]) } }
        #expect(
            text == "layer 'product' (MatMul): more than 16777232 multiplications; "
                + "no more for inputs and parameters of this size; "
                + "raise RunLimits.work if the model is meant to compute so much")
    }

    @Test func lengthsThatAreKnownAreCheckedBeforeAnythingRuns() throws {
        var graph = Graph()
        let x = graph.addInput("x", ValueType(.float32, [.batch, .fixed(4), .fixed(3)]))
        #expect(
            sentence { _ = try graph.append("up", UpSampling([1 << 40]), [x]) }
                == "layer 'up' (UpSampling): a result of shape [batch, 4398046511104, 3]; "
                + "lengths from 0, at most 134217728 elements")
    }

    /// A planned call and one layer by layer refuse the same.
    @Test(arguments: [false, true]) func plansObeyLimits(isPlanned: Bool) throws {
        let model = try Model(seed: 1) {
            Input(4, 3)
            LSTM(5, returnSequences: true)
        }
        let session = try InferenceSession(model)
        let input = Tensor(zeros: [8, 4, 3])
        var limits = RunLimits()
        limits.elements = 100
        let text = RunLimits.$current.withValue(limits) {
            sentence {
                var state = LayerState()
                _ = isPlanned ? [try session.predict(input)] : try session.predict([input], state: &state)
            }
        }
        // What is small is let through without a look.
        #expect(text == "nothing thrown")
        limits.work = 0
        limits.workPerInput = 0
        limits.workPerParameter = 0
        let refused = RunLimits.$current.withValue(limits) {
            sentence {
                var state = LayerState()
                _ =
                    isPlanned
                    ? [try InferenceSession(model).predict(input)] : try session.predict([input], state: &state)
            }
        }
        #expect(refused.contains("more than 0 multiplications"), "\(refused)")
    }

    /// A loop whose condition stays true; it hands one value on.
    private func endless() throws -> Loop {
        var body = Graph()
        _ = body.addInput("round", ValueType(.int64, []))
        let goesOn = body.addInput("condition", ValueType(.bool, []))
        let x = body.addInput("x", ValueType(.float32, []))
        body.setOutputs([goesOn, x], names: ["condition", "x"])
        return Loop(body, carried: 1)
    }

    private func run(_ graph: Graph, _ inputs: [Tensor] = []) throws {
        var state = LayerState()
        _ = try graph.evaluate(inputs, ParameterSet(), &state)
    }
}
