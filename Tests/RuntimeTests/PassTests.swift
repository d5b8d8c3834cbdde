import FerryEngine
import FerryRuntime
import FerryTestSupport
import Testing

/// Passes change what a graph is made of and not what it computes: not one bit, but for sums in another order.
struct PassTests {
    @Test(arguments: Idiom.all)
    func liftsAndComputesTheSame(_ idiom: Idiom) throws {
        var graph = Graph()
        var parameters = ParameterSet()
        let x = graph.addInput("x", ValueType(.float32, idiom.input))
        let y = try idiom.build(&graph, x, &parameters)
        graph.setOutputs(y, names: y.indices.map { "y\($0)" })

        var draft = GraphDraft(graph, parameters)
        try PassCatalogue.run(on: &draft)
        let (lifted, liftedParameters) = try draft.finished()
        #expect(lifted.nodes.map { lifted.layer(of: $0).operation.kind } == idiom.kinds)

        var random = RandomSource(seed: 7)
        let lengths = idiom.input.map { $0.length ?? 3 }
        let data = random.uniform(lengths, in: -2..<2)
        // By the plain definitions: the kernels of layers round differently from primitives.
        var state = LayerState()
        let before = try graph.evaluate([data], parameters, &state)
        let after = try lifted.evaluate([data], liftedParameters, &state)
        for (a, b) in zip(after, before) { expectClose(a, b, within: idiom.tolerance, idiom.testDescription) }
    }

    /// 2⁶⁰ ways lead from the output to the input.
    @Test func aValueAddedToItselfAgainAndAgain() throws {
        var graph = Graph()
        var value = graph.addInput("x", ValueType(.float32, [.fixed(3), .fixed(3)]))
        for i in 0..<60 { value = try graph.append("add\(i)", Arithmetic(.add), [value, value])[0] }
        graph.setOutputs([value], names: ["y"])
        var draft = GraphDraft(graph, ParameterSet())
        let time = try ContinuousClock().measure { try PassCatalogue.run(on: &draft) }
        #expect(time < .seconds(30))
    }

    @Test func aValueOfNothingIsNotSqueezed() throws {
        var graph = Graph()
        let made = try graph.append("fill", Fill(Tensor([1] as [Float]), shape: .known([1 << 25])), [])
        graph.setOutputs(made, names: ["y"])
        var draft = GraphDraft(graph, ParameterSet())
        try PassCatalogue.run(on: &draft)
        #expect(draft.nodes.map(\.layer.operation.kind) == ["Fill"])
    }

    @Test func keepsWhatOthersRead() throws {
        var graph = Graph()
        let x = graph.addInput("x", ValueType(.float32, [.batch, 4]))
        let product = try graph.append("dense/MatMul", MatMul(), [x, graph.addConstant("w", weights(4, 3))])[0]
        let sum = try graph.append("dense/Add", Arithmetic(.add), [product, graph.addConstant("b", weights(3))])[0]
        graph.setOutputs([sum, product], names: ["sum", "product"])
        var draft = GraphDraft(graph, ParameterSet())
        try PassCatalogue.run(on: &draft)
        #expect(draft.nodes.map(\.layer.operation.kind) == ["Dense", "Arithmetic"])
        #expect((draft.nodes[0].layer.operation as? Dense)?.useBias == false)
    }

    @Test func givesLayersTheNamesOfTheirFolders() throws {
        var graph = Graph()
        var value = graph.addInput("x", ValueType(.float32, [.batch, 4]))
        for name in ["a/Tanh", "b/Tanh", "b/Sigmoid"] { value = try graph.append(name, Activation(.tanh), [value])[0] }
        graph.setOutputs([value], names: ["y"])
        var draft = GraphDraft(graph, ParameterSet())
        draft.shortenNames { $0.count > 1 ? $0.dropLast().joined(separator: "/") : nil }
        #expect(draft.nodes.map(\.layer.name) == ["a", "b/Tanh", "b/Sigmoid"])
    }
}

/// Some nodes as a file has them, and the layers that they are.
struct Idiom: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let input: [Dimension]
    let kinds: [String]
    /// Exact, unless the layer adds up in another order than the nodes.
    let tolerance: Tolerance
    let build: @Sendable (inout Graph, Graph.ValueID, inout ParameterSet) throws -> [Graph.ValueID]

    init(
        _ name: String, _ input: [Dimension], _ kinds: [String], within tolerance: Tolerance = .exact,
        _ build: @escaping @Sendable (inout Graph, Graph.ValueID, inout ParameterSet) throws -> [Graph.ValueID]
    ) {
        (testDescription, self.input, self.kinds, self.tolerance, self.build) = (name, input, kinds, tolerance, build)
    }

    static let all = arithmetic + shapes + recurrent + steps + layers + exporters

    static let arithmetic = [
        Idiom("constants are folded", [.batch, 3], ["Arithmetic"]) { graph, x, _ in
            let sum = try graph.append(
                "s", Arithmetic(.add), [graph.addConstant("a", weights(3)), graph.addConstant("b", weights(3))])[0]
            return try graph.append("y", Arithmetic(.add), [x, sum])
        },
        Idiom("product, sum and function are Dense", [.batch, 5, 4], ["Dense"]) { graph, x, _ in
            let product = try graph.append("dense/MatMul", MatMul(), [x, graph.addConstant("w", weights(4, 3))])[0]
            let sum = try graph.append("dense/Add", Arithmetic(.add), [product, graph.addConstant("b", weights(3))])[0]
            return try graph.append("dense/Relu", Activation(.relu), [sum])
        },
        Idiom("a function of another name stays", [.batch, 4], ["Dense", "Activation"]) { graph, x, _ in
            let product = try graph.append("dense/MatMul", MatMul(), [x, graph.addConstant("w", weights(4, 3))])[0]
            return try graph.append("relu/Relu", Activation(.relu), [product])
        },
        Idiom("Gemm is Dense", [.batch, 4], ["Dense"]) { graph, x, _ in
            let inputs = [x, graph.addConstant("w", weights(3, 4)), graph.addConstant("b", weights(3))]
            return try graph.append("fc/Gemm", Gemm(transposesB: true), inputs)
        },
        Idiom("Gather of a table is Embedding", [.batch, 4], ["Arithmetic", "Embedding"]) { graph, x, _ in
            let positive = try graph.append(
                "p", Arithmetic(.power), [x, graph.addConstant("two", Tensor(scalar: Float(2)))])[0]
            let ids = try graph.append("c", Cast(to: .int64), [positive])[0]
            return try graph.append("e/Gather", Gather(axis: 0), [graph.addConstant("t", weights(5, 3)), ids])
        },
        Idiom("x · sigmoid x is silu", [.batch, 4], ["Activation"]) { graph, x, _ in
            let gate = try graph.append("s", Activation(.sigmoid), [x])[0]
            return try graph.append("m", Arithmetic(.multiply), [x, gate])
        },
        Idiom("a sum of values is Merge", [.batch, 4], ["Activation", "Merge"]) { graph, x, _ in
            let other = try graph.append("t", Activation(.tanh), [x])[0]
            return try graph.append("m", Arithmetic(.add), [x, other])
        },
    ]

    static let shapes = [
        Idiom("transposes undo each other", [.batch, 3, 4], ["Activation"]) { graph, x, _ in
            let turned = try graph.append("a", Transpose([2, 0, 1]), [x])[0]
            let back = try graph.append("b", Transpose([1, 2, 0]), [turned])[0]
            return try graph.append("y", Activation(.tanh), [back])
        },
        Idiom("reversals undo each other across a transpose", [.batch, 3, 4], ["Permute"]) { graph, x, _ in
            let reversed = try graph.append("a", Reverse(axis: 1), [x])[0]
            let turned = try graph.append("b", Transpose([0, 2, 1]), [reversed])[0]
            let slice = Slice(starts: .known([-1]), ends: .known([.min]), axes: .known([2]), steps: .known([-1]))
            return try graph.append("c", slice, [turned])
        },
        Idiom("Unsqueeze and Expand are RepeatVector", [.batch, 4], ["RepeatVector"]) { graph, x, _ in
            let row = try graph.append("a", Unsqueeze([1]), [x])[0]
            return try graph.append("b", Expand(.known([1, 5, 1])), [row])
        },
        Idiom("Reshape that keeps the batch", [.batch, 6], ["Reshape"]) { graph, x, _ in
            try graph.append("a", TensorReshape(.known([0, 2, 3])), [x])
        },
        Idiom("BatchNormalization between reshapes", [.batch, 5, 4], ["BatchNormalization"]) { graph, x, parameters in
            for name in ["gamma", "beta", "moving_mean", "moving_variance"] { parameters["n/\(name)"] = positives(4) }
            let rows = try graph.append("a", TensorReshape(.known([-1, 4])), [x])[0]
            let normal = try graph.append("n", BatchNormalization(axis: 1), [rows])[0]
            let shape = try graph.append("s", ShapeOf(), [x])[0]
            return try graph.append("b", TensorReshape(.input(1, expected: [.batch, 5, 4])), [normal, shape])
        },
        Idiom("a layer of rows between reshapes", [.batch, .time, 4], ["Dense"]) { graph, x, _ in
            let rows = try graph.append("a", TensorReshape(.known([-1, 4])), [x])[0]
            let product = try graph.append("d", MatMul(), [rows, graph.addConstant("w", weights(4, 3))])[0]
            let leading = try graph.append("s", ShapeOf(start: 0, end: 2), [x])[0]
            let shape = try graph.append(
                "c", Concatenate(axis: 0), [leading, graph.addConstant("k", Tensor([Int64(3)]))])[0]
            return try graph.append("b", TensorReshape(.input(1, expected: [.batch, .time, 3])), [product, shape])
        },
    ]

    static let recurrent = [
        Idiom("a sequence between transposes", [.batch, 5, 4], ["LSTM"]) { graph, x, parameters in
            let y = try run(lstm(), &graph, x, &parameters)
            return try graph.append("t", Transpose([1, 0, 2]), [y[0]])
        },
        Idiom("the last output", [.batch, 5, 4], ["LSTM"]) { graph, x, parameters in
            [try run(lstm(), &graph, x, &parameters)[1]]
        },
        Idiom("initial states of zeros", [.batch, 5, 4], ["LSTM"]) { graph, x, parameters in
            let zeros = graph.addConstant("z", Tensor(zeros: [3, 3]))
            return [try run(lstm(), &graph, x, &parameters, states: [zeros, zeros])[1]]
        },
        Idiom("a reversed sequence", [.batch, 5, 4], ["LSTM"]) { graph, x, parameters in
            var layer = lstm()
            layer.options.goBackwards = true
            let ordered = try graph.append("r", Reverse(axis: 0), [run(layer, &graph, x, &parameters)[0]])[0]
            let turned = try graph.append("t", Transpose([1, 0, 2]), [ordered])[0]
            return try graph.append("s", Reverse(axis: 1), [turned])
        },
        Idiom("both directions side by side", [.batch, 5, 4], ["Bidirectional"]) { graph, x, parameters in
            let y = try run(both(), &graph, x, &parameters)
            let stacked = try stack(y.prefix(2), axis: 1, &graph)
            let turned = try graph.append("t", Transpose([2, 0, 1, 3]), [stacked])[0]
            return try graph.append("j", TensorReshape(.known([0, 0, 6])), [turned])
        },
        Idiom("last outputs of both directions side by side", [.batch, 5, 4], ["Bidirectional"]) {
            graph, x, parameters in
            let y = try run(both(), &graph, x, &parameters)
            let stacked = try stack([y[2], y[4]], axis: 0, &graph)
            let turned = try graph.append("t", Transpose([1, 0, 2]), [stacked])[0]
            return try graph.append("j", TensorReshape(.known([0, 6])), [turned])
        },
        Idiom("the sum of both directions", [.batch, 5, 4], ["Bidirectional"]) { graph, x, parameters in
            let y = try run(both(), &graph, x, &parameters)
            let turned = try (0..<2).map { try graph.append("t", Transpose([1, 0, 2]), [y[$0]])[0] }
            return try graph.append("a", Arithmetic(.add), turned)
        },
    ]

    private static func lstm() -> LSTM {
        var layer = LSTM(3, returnSequences: true)
        layer.options.returnState = true
        layer.options.timeMajor = true
        return layer
    }

    private static func both() -> Bidirectional {
        var backward = lstm()
        backward.options.goBackwards = true
        return Bidirectional(forward: lstm(), backward: backward, merge: nil)
    }

    /// The layer behind a transpose, with parameters.
    private static func run(
        _ layer: any Operator, _ graph: inout Graph, _ x: Graph.ValueID, _ parameters: inout ParameterSet,
        states: [Graph.ValueID] = []
    ) throws -> [Graph.ValueID] {
        let turned = try graph.append("swap", Transpose([1, 0, 2]), [x])[0]
        let outputs = try graph.append("rnn", layer, [turned] + states)
        var random = RandomSource(seed: 3)
        for spec in try graph.parameterSpecs() where spec.name.hasPrefix("rnn/") {
            parameters[spec.name] = random.uniform(spec.shape, in: -1..<1)
        }
        return outputs
    }

    private static func stack(
        _ parts: some Sequence<Graph.ValueID>, axis: Int, _ graph: inout Graph
    ) throws -> Graph.ValueID {
        let aligned = try parts.map { try graph.append("u", Unsqueeze([axis]), [$0])[0] }
        return try graph.append("c", Concatenate(axis: axis), aligned)[0]
    }
}

func weights(_ shape: Int...) -> Tensor {
    var random = RandomSource(seed: UInt64(shape.product))
    return random.uniform(shape, in: -1..<1)
}

private func positives(_ count: Int) -> Tensor {
    var random = RandomSource(seed: 5)
    return random.uniform([count], in: 0.5..<1)
}
