import FerryEngine
import FerryRuntime

extension Idiom {
    /// What exporters make of wrappers, masks, attentions and convolutional cells.
    static let exporters = [
        Idiom("masked steps that are written out", [3, 3, 4], ["Masking", "SimpleRNN"], within: .relative(1e-6)) {
            graph, x, _ in
            let counts = try mask(&graph, x)
            let hidden = try graph.append(
                "hide", Arithmetic(.multiply), [x, graph.append("f", Cast(to: .float32), [counts])[0]])[0]
            var state = graph.addConstant("z", Tensor(zeros: [3, 3]))
            for step in 0..<3 {
                let index = graph.addConstant("i\(step)", Tensor(scalar: Int64(step)))
                let new = try simpleStep(&graph, graph.append("g", Gather(axis: 1), [hidden, index])[0], state)
                let now = try graph.append("m", Gather(axis: 1), [counts, index])[0]
                state = try graph.append("h", Choice(), [now, new, state])[0]
            }
            return [state]
        },
        Idiom("a recurrent layer between reshapes", [.batch, 2, 5, 4], ["TimeDistributed"]) { graph, x, parameters in
            let rows = try graph.append("join", TensorReshape(.known([-1, 5, 4])), [x])[0]
            let last = try graph.append("rnn", GRU(3), [rows])[0]
            var random = RandomSource(seed: 3)
            for spec in try graph.parameterSpecs() {
                parameters[spec.name] = random.uniform(spec.shape, in: -1..<1)
            }
            return try graph.append("part", TensorReshape(.known([-1, 2, 3])), [last])
        },
        Idiom("the same layer for each step, stacked in front", [.batch, 2, 4], ["Dense", "SimpleRNN"]) {
            graph, x, parameters in
            let parts = try (0..<2).map { step in
                let index = graph.addConstant("i\(step)", Tensor(scalar: Int64(step)))
                let part = try graph.append("g", Gather(axis: 1), [x, index])[0]
                let product = try graph.append("d", MatMul(), [part, graph.addConstant("w\(step)", weights(4, 3))])
                return try graph.append("u", Unsqueeze([0]), product)[0]
            }
            let stack = try graph.append("c", Concatenate(axis: 0), parts)[0]
            var layer = SimpleRNN(3)
            layer.options.timeMajor = true
            let y = try graph.append("rnn", layer, [stack])
            var random = RandomSource(seed: 3)
            for spec in try graph.parameterSpecs() {
                parameters[spec.name] = random.uniform(spec.shape, in: -1..<1)
            }
            return y
        },
        Idiom("a row that is repeated along an axis of four", [.batch, 4], ["RepeatVector"]) { graph, x, _ in
            let row = try graph.append("u", Unsqueeze([1, 2]), [x])[0]
            let tiled = try graph.append("t", Tile(.known([1, 1, 5, 1])), [row])[0]
            return try graph.append("r", TensorReshape(.known([-1, 5, 4])), [tiled])
        },
        Idiom(
            "the mean of the steps that count", [.batch, 5, 4], ["Masking", "GlobalPooling"], within: .relative(1e-6)
        ) { graph, x, _ in
            let counts = try graph.append("f", Cast(to: .float32), [mask(&graph, x)])[0]
            let hidden = try graph.append("hide", Arithmetic(.multiply), [x, counts])[0]
            let again = try graph.append("again", Arithmetic(.multiply), [hidden, counts])[0]
            let time = Reduction(.sum, axes: .known([1]), keepsAxes: false)
            let (sum, count) = (try graph.append("s", time, [again])[0], try graph.append("n", time, [counts])[0])
            return try graph.append("d", Arithmetic(.divide), [sum, count])
        },
        Idiom("an attention that adds", [.batch, 5, 4], ["Attention"], within: .relative(1e-6)) { graph, x, _ in
            let (query, key) = (try graph.append("q", Unsqueeze([2]), [x]), try graph.append("k", Unsqueeze([1]), [x]))
            let bent = try graph.append("t", Activation(.tanh), graph.append("a", Arithmetic(.add), query + key))[0]
            let scaled = try graph.append("m", Arithmetic(.multiply), [bent, graph.addConstant("s", weights(4))])
            let scores = try graph.append("r", Reduction(.sum, axes: .known([-1]), keepsAxes: false), scaled)
            return try graph.append("y", MatMul(), graph.append("p", Activation(.softmax), scores) + [x])
        },
        Idiom("a cosine", [.batch, 5, 4], ["Dot"], within: .relative(1e-6)) { graph, x, _ in
            let square = try graph.append("q", Arithmetic(.multiply), [x, x])[0]
            let sum = try graph.append("s", Reduction(.sum, axes: .known([2])), [square])[0]
            let floor = graph.addConstant("e", Tensor(scalar: Float(1e-12)))
            let root = try graph.append(
                "r", Elementwise(.squareRoot), graph.append("f", Arithmetic(.maximum), [sum, floor]))
            let unit = try graph.append(
                "u", Arithmetic(.multiply), [x, graph.append("i", Elementwise(.reciprocal), root)[0]])[0]
            return try graph.append("m", MatMul(), [unit, graph.append("t", Transpose([0, 2, 1]), [unit])[0]])
        },
        Idiom(
            "a constant factor inside a product", [.batch, 4], ["Activation", "Arithmetic"], within: .relative(1e-6)
        ) {
            graph, x, _ in
            let gate = try graph.append("s", Activation(.sigmoid), [x])[0]
            let scaled = try graph.append("c", Arithmetic(.multiply), [gate, graph.addConstant("k", weights(4))])[0]
            return try graph.append("m", Arithmetic(.multiply), [x, scaled])
        },
        Idiom("a loop over a convolutional LSTM", [3, 2, 5, 4], ["ConvLSTM"], within: .relative(1e-5)) { graph, x, _ in
            let turned = try graph.append("t", Transpose([1, 0, 2, 3]), [x])[0]
            let length = graph.addConstant("n", Tensor(scalar: Int64(2)))
            let zeros = graph.addConstant("z", Tensor(zeros: [3, 5, 2]))
            let loop = try Loop(convolutionalBody(), carried: 2)
            let y = try graph.append("l", loop, [length, nil, zeros, zeros, turned])[2]
            return try graph.append("o", Transpose([1, 0, 2, 3]), [y])
        },
    ]

    /// Where any feature is not zero, [batch, time, 1].
    private static func mask(_ graph: inout Graph, _ x: Graph.ValueID) throws -> Graph.ValueID {
        let zero = graph.addConstant("zero", Tensor(scalar: Float(0)))
        let isZero = try graph.append("e", Comparison(.equal), [x, zero])
        let differs = try graph.append("n", Cast(to: .float32), graph.append("not", Logic(.not), isZero))
        let count = try graph.append("any", Reduction(.sum, axes: .known([-1])), differs)[0]
        return try graph.append("some", Comparison(.greater), [count, zero])[0]
    }

    /// c′ = σ(f)∘c + σ(i)∘tanh(g), h′ = σ(o)∘tanh(c′), each gate a convolution over x and one over h.
    private static func convolutionalBody() throws -> Graph {
        var body = Graph()
        let round = body.addInput("i", ValueType(.int64, []))
        let goesOn = body.addInput("c", ValueType(.bool, []))
        let h = body.addInput("h", ValueType(.float32, [.batch, 5, 2]))
        let c = body.addInput("s", ValueType(.float32, [.batch, 5, 2]))
        let sequence = body.addInput("x", ValueType(.float32, [2, .batch, 5, 4]))
        let step = try body.append("g", Gather(axis: 0), [sequence, round])[0]
        let window = Window(lengths: [3], pads: [1, 1])
        func gate(_ name: String, _ function: ActivationFunction, times scale: Float) throws -> Graph.ValueID {
            let parts = try [(step, 4), (h, 2)].map { value, features in
                let first = try body.append("\(name)t\(features)", Transpose([0, 2, 1]), [value])[0]
                let kernel = body.addConstant(
                    "\(name)w\(features)", weights(2, features, 3) * Tensor(scalar: scale))
                return try body.append("\(name)c\(features)", Convolution(window), [first, kernel])[0]
            }
            let sum = try body.append("\(name)s", Arithmetic(.add), parts)[0]
            let last = try body.append("\(name)l", Transpose([0, 2, 1]), [sum])[0]
            let biased = try body.append(
                "\(name)b", Arithmetic(.add), [last, body.addConstant("\(name)k", weights(2))])
            return try body.append(name, Activation(function), biased)[0]
        }
        let kept = try body.append("kept", Arithmetic(.multiply), [gate("forget", .sigmoid, times: 0.4), c])[0]
        let added = try body.append(
            "added", Arithmetic(.multiply), [gate("input", .sigmoid, times: -0.7), gate("new", .tanh, times: 0.9)])[0]
        let newC = try body.append("newC", Arithmetic(.add), [kept, added])[0]
        let bent = try body.append("bent", Activation(.tanh), [newC])[0]
        let newH = try body.append("newH", Arithmetic(.multiply), [gate("output", .sigmoid, times: 0.2), bent])[0]
        body.setOutputs([goesOn, newH, newC, newH], names: ["c", "h", "s", "y"])
        return body
    }
}
