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

    /// A loop whose condition stays true; it hands one value on.
    private func endless() throws -> Loop {
        var body = Graph()
        _ = body.addInput("round", ValueType(.int64, []))
        let goesOn = body.addInput("condition", ValueType(.bool, []))
        let x = body.addInput("x", ValueType(.float32, []))
        body.setOutputs([goesOn, x], names: ["condition", "x"])
        return Loop(body, carried: 1)
    }

    private func run(_ graph: Graph) throws {
        var state = LayerState()
        _ = try graph.evaluate([], ParameterSet(), &state)
    }
}
