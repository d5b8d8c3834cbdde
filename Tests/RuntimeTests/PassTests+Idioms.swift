import FerryEngine
import FerryRuntime

extension Idiom {
    /// Single steps, loops, and steps that are written out.
    static let steps = [
        Idiom("a slice of the last step", [.batch, 5, 4], ["LSTM"]) { graph, x, parameters in
            let y = try layer(LSTM(3, returnSequences: true), &graph, x, &parameters)[0]
            let last = Slice(starts: .known([-1]), ends: .known([.max]), axes: .known([1]))
            let slice = try graph.append("s", last, [y])[0]
            return try graph.append("q", Squeeze([1]), [slice])
        },
        Idiom("a step of what was turned", [.batch, 5, 4], ["Gather"]) { graph, x, _ in
            let turned = try graph.append("t", Transpose([1, 0, 2]), [x])[0]
            let reversed = try graph.append("r", Reverse(axis: 0), [turned])[0]
            return try graph.append("g", Gather(axis: 0), [reversed, graph.addConstant("i", Tensor(scalar: Int64(0)))])
        },
        Idiom("what was taken apart and stacked", [.batch, 2, 4], ["Activation"]) { graph, x, _ in
            let parts = try (0..<2).map { step in
                let index = graph.addConstant("i\(step)", Tensor(scalar: Int64(step)))
                let part = try graph.append("g", Gather(axis: 1), [x, index])[0]
                return try graph.append("u", Unsqueeze([1]), [part])[0]
            }
            return try graph.append("a", Activation(.tanh), graph.append("c", Concatenate(axis: 1), parts))
        },
        Idiom("the same layer for each step", [.batch, 2, 4], ["Dense"]) { graph, x, _ in
            let parts = try (0..<2).map { step in
                let index = graph.addConstant("i\(step)", Tensor(scalar: Int64(step)))
                let part = try graph.append("g", Gather(axis: 1), [x, index])[0]
                let product = try graph.append("d", MatMul(), [part, graph.addConstant("w\(step)", weights(4, 3))])
                return try graph.append("u", Unsqueeze([1]), product)[0]
            }
            return try graph.append("c", Concatenate(axis: 1), parts)
        },
        Idiom("a layer over a reversed sequence", [.batch, 5, 4], ["GRU"]) { graph, x, parameters in
            let reversed = try graph.append("r", Reverse(axis: 1), [x])[0]
            return try layer(GRU(3), &graph, reversed, &parameters)
        },
        Idiom("two layers of opposite directions", [.batch, 5, 4], ["Bidirectional"]) { graph, x, parameters in
            let forward = try layer(GRU(3, returnSequences: true), &graph, x, &parameters, name: "f")[0]
            let reversed = try graph.append("r", Reverse(axis: 1), [x])[0]
            let backward = try layer(GRU(3, returnSequences: true), &graph, reversed, &parameters, name: "b")[0]
            let ordered = try graph.append("o", Reverse(axis: 1), [backward])[0]
            return try graph.append("c", Concatenate(axis: 2), [forward, ordered])
        },
        Idiom("a Scan over a simple cell", [.batch, 5, 4], ["SimpleRNN"], within: .relative(1e-6)) { graph, x, _ in
            var body = Graph()
            let state = body.addInput("h", ValueType(.float32, [.batch, 3]))
            let step = body.addInput("x", ValueType(.float32, [.batch, 4]))
            let new = try simpleStep(&body, step, state)
            body.setOutputs([new, new], names: ["h", "y"])
            let scan = Scan(body, inputs: [.init(axis: 1)], outputs: [.init(axis: 1)])
            return [try graph.append("s", scan, [graph.addConstant("z", Tensor(zeros: [3, 3])), x])[1]]
        },
        Idiom("a Loop over a simple cell", [.batch, 5, 4], ["SimpleRNN"], within: .relative(1e-6)) { graph, x, _ in
            let turned = try graph.append("t", Transpose([1, 0, 2]), [x])[0]
            let length = graph.addConstant("n", Tensor(scalar: Int64(5)))
            let initial = graph.addConstant("z", Tensor(zeros: [3, 3]))
            let y = try graph.append("l", Loop(loopBody(), carried: 1), [length, nil, initial, turned])[1]
            return try graph.append("o", Transpose([1, 0, 2]), [y])
        },
        Idiom("steps that are written out", [3, 3, 4], ["SimpleRNN"], within: .relative(1e-6)) { graph, x, _ in
            var state = graph.addConstant("z", Tensor(zeros: [3, 3]))
            for step in 0..<3 {
                let index = graph.addConstant("i\(step)", Tensor(scalar: Int64(step)))
                state = try simpleStep(&graph, graph.append("g", Gather(axis: 1), [x, index])[0], state)
            }
            return [state]
        },
    ]

    /// Layers that exporters take apart.
    static let layers = [
        Idiom("neutral factors and terms", [.batch, 4], ["Activation"]) { graph, x, _ in
            let ones = graph.addConstant("one", Tensor(scalar: Float(1)).broadcast(to: [4]))
            let product = try graph.append("m", Arithmetic(.multiply), [x, ones])[0]
            let sum = try graph.append("a", Arithmetic(.add), [product, graph.addConstant("z", Tensor(zeros: [4]))])[0]
            return try graph.append("t", Activation(.tanh), [sum])
        },
        Idiom("a clipped line is hard sigmoid", [.batch, 4], ["Activation"]) { graph, x, _ in
            let product = try scalar(.multiply, 0.25, &graph, x)
            let line = try scalar(.add, 0.5, &graph, product)
            return [try scalar(.maximum, 0, &graph, scalar(.minimum, 1, &graph, line))]
        },
        Idiom("masked values are a choice", [.batch, 4], ["Comparison", "Elementwise", "Choice"]) { graph, x, _ in
            let zero = graph.addConstant("z", Tensor(scalar: Float(0)))
            let mask = try graph.append("c", Comparison(.greater), [x, zero])[0]
            let opposite = try graph.append("n", Logic(.not), [mask])[0]
            let tanh = try graph.append("t", Elementwise(.sine), [x])[0]
            let a = try graph.append("a", Arithmetic(.multiply), [x, graph.append("f", Cast(to: .float32), [mask])[0]])
            let b = try graph.append(
                "b", Arithmetic(.multiply), [tanh, graph.append("g", Cast(to: .float32), [opposite])[0]])
            return try graph.append("s", Arithmetic(.add), a + b)
        },
        Idiom("scaled and shifted features", [.batch, 5, 4], ["BatchNormalization"]) { graph, x, _ in
            let product = try graph.append("m", Arithmetic(.multiply), [x, graph.addConstant("g", weights(4))])[0]
            return try graph.append("a", Arithmetic(.add), [product, graph.addConstant("b", weights(4))])
        },
        Idiom("unit variance", [.batch, 5, 4], ["LayerNormalization"], within: .relative(1e-5)) { graph, x, _ in
            let mean = try graph.append("m", Reduction(.mean, axes: .known([-1])), [x])[0]
            let centered = try graph.append("c", Arithmetic(.subtract), [x, mean])[0]
            let square = try graph.append("q", Arithmetic(.multiply), [centered, centered])[0]
            let variance = try graph.append("v", Reduction(.mean, axes: .known([-1])), [square])[0]
            let root = try graph.append("r", Elementwise(.squareRoot), [scalar(.add, 0.001, &graph, variance)])[0]
            let standard = try graph.append("d", Arithmetic(.divide), [centered, root])[0]
            let scaled = try graph.append("g", Arithmetic(.multiply), [standard, graph.addConstant("k", weights(4))])[0]
            return try graph.append("b", Arithmetic(.add), [scaled, graph.addConstant("l", weights(4))])
        },
        Idiom("a convolution with channels first", [.batch, 6, 4], ["Conv"], within: .relative(1e-6)) { graph, x, _ in
            let turned = try graph.append("t", Transpose([0, 2, 1]), [x])[0]
            let wide = try graph.append("u", Unsqueeze([2]), [turned])[0]
            let window = Window(lengths: [1, 3], pads: [0, 2, 0, 0])
            let y = try graph.append("c", Convolution(window), [wide, graph.addConstant("w", weights(5, 4, 1, 3))])[0]
            let narrow = try graph.append("q", Squeeze([2]), [y])[0]
            let biased = try graph.append("b", Arithmetic(.add), [narrow, graph.addConstant("k", weights(1, 5, 1))])[0]
            return try graph.append("o", Transpose([0, 2, 1]), [biased])
        },
        Idiom("the mean over time", [.batch, 6, 4], ["GlobalPooling"], within: .relative(1e-6)) { graph, x, _ in
            let turned = try graph.append("t", Transpose([0, 2, 1]), [x])[0]
            let mean = try graph.append("p", Pooling(.average(countsPadding: false), window: nil), [turned])[0]
            return try graph.append("q", Squeeze([2]), [mean])
        },
        Idiom("zeros around a sequence", [.batch, 6, 4], ["ZeroPadding"]) { graph, x, _ in
            try graph.append("p", Pad(.constant, pads: .known([0, 2, 0, 0, 1, 0])), [x])
        },
        Idiom("a product of two values", [.batch, 5, 4], ["Dot"], within: .relative(1e-6)) { graph, x, _ in
            let turned = try graph.append("t", Transpose([0, 2, 1]), [x])[0]
            return try graph.append("m", MatMul(), [x, turned])
        },
        Idiom("a tiled row", [.batch, 4], ["RepeatVector"]) { graph, x, _ in
            let row = try graph.append("u", Unsqueeze([1]), [x])[0]
            return try graph.append("t", Tile(.known([1, 5, 1])), [row])
        },
    ]

    private static func scalar(
        _ function: Arithmetic.Function, _ number: Float, _ graph: inout Graph, _ x: Graph.ValueID
    ) throws -> Graph.ValueID {
        let constant = graph.addConstant("\(function) \(number)", Tensor(scalar: number))
        return try graph.append("\(function)", Arithmetic(function), [x, constant])[0]
    }

    /// tanh(x·W + h·U + b)
    static func simpleStep(
        _ graph: inout Graph, _ x: Graph.ValueID, _ state: Graph.ValueID
    ) throws -> Graph.ValueID {
        let fromInput = try graph.append("w", MatMul(), [x, graph.addConstant("W", weights(4, 3))])[0]
        let fromState = try graph.append("u", MatMul(), [state, graph.addConstant("U", weights(3, 3))])[0]
        let sum = try graph.append("s", Arithmetic(.add), [fromInput, fromState])[0]
        let biased = try graph.append("a", Arithmetic(.add), [sum, graph.addConstant("b", weights(3))])[0]
        return try graph.append("h", Activation(.tanh), [biased])[0]
    }

    /// A round of a loop: the step of a sequence by the number of the round.
    private static func loopBody() throws -> Graph {
        var body = Graph()
        let round = body.addInput("i", ValueType(.int64, []))
        let goesOn = body.addInput("c", ValueType(.bool, []))
        let state = body.addInput("h", ValueType(.float32, [.batch, 3]))
        let sequence = body.addInput("x", ValueType(.float32, [5, .batch, 4]))
        let step = try body.append("g", Gather(axis: 0), [sequence, round])[0]
        let new = try simpleStep(&body, step, state)
        body.setOutputs([goesOn, new, new], names: ["c", "h", "y"])
        return body
    }

    private static func layer(
        _ operation: any Operator, _ graph: inout Graph, _ x: Graph.ValueID, _ parameters: inout ParameterSet,
        name: String = "rnn"
    ) throws -> [Graph.ValueID] {
        let outputs = try graph.append(name, operation, [x])
        var random = RandomSource(seed: 3)
        for spec in try graph.parameterSpecs() where spec.name.hasPrefix("\(name)/") {
            parameters[spec.name] = random.uniform(spec.shape, in: -1..<1)
        }
        return outputs
    }
}
