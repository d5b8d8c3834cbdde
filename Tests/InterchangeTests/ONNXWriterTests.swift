import FerryEngine
import FerryInterchange
import FerryRuntime
import FerryTestSupport
import Testing

/// What is written has the operators that a person would choose, and means what it meant.
///
/// That ONNX Runtime computes the same from it is tested where there is Python.
@Suite struct ONNXWriterTests {
    @Test(arguments: Structure.all)
    func writes(_ structure: Structure) throws {
        let model = try structure.model()
        let written = try ONNXWriter.write(model, opset: structure.opset).model
        #expect(written.graph.nodes.map(\.opType).joined(separator: " ") == structure.operators)
        #expect(try ONNXModel(bytes: written.bytes()) == written)
    }

    @Test(arguments: Structure.all)
    func meansTheSameWhenItIsReadAgain(_ structure: Structure) throws {
        let model = try structure.model()
        let written = try ONNXWriter.write(model, opset: structure.opset).model
        let again = try ONNXReader.read(written, fileName: "model.onnx")
        let input = structure.input
        let expected = try InferenceSession(model).predict([input])
        let found = try InferenceSession(again).predict([input])
        #expect(again.inputs.map(\.name) == model.inputs.map(\.name))
        #expect(again.outputs.map(\.name) == model.outputs.map(\.name))
        for (found, expected) in zip(found, expected) {
            expectClose(found, expected, within: .relative(2e-6), structure.name)
        }
    }

    @Test func namesEveryLayerThatCannotBeWritten() throws {
        var inner = Graph()
        let features = inner.addInput("features", ValueType(.float32, [.batch, 2]))
        inner.setOutputs(try inner.append("secret", Unknown(), [features]), names: ["y"])
        let model = try model([ValueType(.float32, [.batch, .time, 2])]) { graph, inputs in
            let first = try graph.append("first", Unknown(), inputs)
            let second = try graph.append("second", TimeDistributed(Submodel(inner)), first)
            return try graph.append("third", Reshape(0), second)
        }
        #expect(
            failure { try ONNXWriter.write(model, opset: 17) } == """
                3 layers cannot be written to ONNX: 'first' (Unknown), 'second/layer/secret' (Unknown), \
                'third' (Reshape to [0])
                """)
    }

    @Test func namesTheOneLayerThatCannotBeWritten() throws {
        let model = try model([ValueType(.float32, [.batch, 2])]) { try $0.append("foo", Unknown(), $1) }
        #expect(
            failure { try ONNXWriter.write(model, opset: 17) } == "1 layer cannot be written to ONNX: 'foo' (Unknown)")
    }

    @Test(arguments: [12, 23])
    func refusesOtherOpsets(opset: Int) throws {
        let model = try Model {
            Input(2); Dense(1)
        }
        #expect(
            failure { try ONNXWriter.write(model, opset: opset) }
                == "cannot write ONNX of opset \(opset); Ferry writes opset 13 to 22")
    }

    @Test(arguments: [(13, 7), (14, 7), (15, 8), (17, 8), (19, 9), (21, 10), (22, 10)])
    func saysTheVersionOfTheFormat(opset: Int, version: Int) throws {
        let written = try ONNXWriter.write(
            Model {
                Input(2); Dense(1)
            }, opset: opset
        ).model
        #expect(written.irVersion == version)
        #expect(written.opsets == [ONNXOpset(version: opset)])
        #expect(written.producerName == "ferry")
    }

    @Test func leavesBatchAndTimeFree() throws {
        let graph = try ONNXWriter.write(
            Model {
                Input(nil, 3); GRU(4, returnSequences: true)
            }, opset: 17
        ).model.graph
        #expect(graph.inputs == [ONNXValueInfo(name: "input", type: free(3))])
        #expect(graph.outputs == [ONNXValueInfo(name: "gru", type: free(4))])
    }

    @Test func keepsAxesApartThatMerelyHaveOneName() throws {
        let type = ValueType(.float32, [.batch, .time, 3])
        let model = try model([type, type]) { graph, inputs in
            try inputs.flatMap { try graph.append("dense", Dense(2), [$0]) }
        }
        let graph = try ONNXWriter.write(model, opset: 17).model.graph
        #expect(graph.inputs.map(axisOfTime) == [.named("x0_time_1"), .named("x1_time_1")])
        #expect(graph.outputs.map(axisOfTime) == [.unknown, .unknown])
    }

    @Test func namesParametersByTheirPaths() throws {
        let model = try Model {
            Input(nil, 3); Bidirectional(LSTM(4)); Dense(2)
        }
        let graph = try ONNXWriter.write(model, opset: 17).model.graph
        let names = graph.initializers.map(\.name).filter { !$0.hasPrefix("constant") }
        #expect(names.prefix(3) == ["bidirectional/kernel", "bidirectional/recurrent_kernel", "bidirectional/bias"])
        #expect(names.dropFirst(3) == ["dense/kernel", "dense/bias"])
        #expect(graph.nodes.map(\.name).contains("bidirectional/LSTM"))
    }

    @Test func writesTheParametersOfASharedLayerOnce() throws {
        let type = ValueType(.float32, [.batch, 3])
        let model = try model([type, type]) { graph, inputs in
            let layer = graph.addLayer(.init("dense", Dense(2)))
            return try inputs.flatMap { try graph.call(layer: layer, [$0]) }
        }
        let names = try ONNXWriter.write(model, opset: 17).model.graph.initializers.map(\.name)
        #expect(names == ["dense/kernel", "dense/bias"])
    }

    @Test func tellsTwoOutputsOfOneValueApart() throws {
        let model = try model([ValueType(.float32, [.batch, 3])]) { graph, inputs in
            let y = try graph.append("dense", Dense(2), inputs)
            return y + y
        }
        let graph = try ONNXWriter.write(model, opset: 17).model.graph
        #expect(graph.outputs.map(\.name) == ["dense", "dense_1"])
        #expect(graph.nodes.map(\.opType) == ["MatMul", "Add", "Identity"])
    }

    @Test func putsOutTheTypeThatTheModelSays() throws {
        let model = try model([ValueType(.float16, [.batch, 3])]) { graph, inputs in
            try graph.call(layer: graph.addLayer(.init("dense", Dense(2), dtype: .float16)), inputs)
        }
        let graph = try ONNXWriter.write(model, opset: 17).model.graph
        #expect(graph.nodes.map(\.opType) == ["Cast", "MatMul", "Add", "Cast"])
        #expect(graph.outputs[0].type == .tensor(.float16, [ONNXDimension(.named("batch")), ONNXDimension(.fixed(2))]))
    }

    @Test func saysWhatIsLost() throws {
        var lstm = LSTM(4)
        lstm.options.isStateful = true
        let model = try Model {
            Input(nil, 3); Dropout(0.1); lstm; Dropout(0.5)
        }
        #expect(
            try ONNXWriter.write(model, opset: 17).notes == [
                "layers 'dropout', 'dropout_1' act in training only and are left out",
                """
                states come in and go out, zeros at first: 'lstm_state_0' → 'lstm_next_state_0', \
                'lstm_state_1' → 'lstm_next_state_1'
                """,
            ])
    }

    /// States of a layer that is called twice go from one call to the other, which no input could say.
    @Test func saysWhichStatesStayInside() throws {
        let model = try model([ValueType(.float32, [.batch, .time, 3])]) { graph, inputs in
            var gru = GRU(3, returnSequences: true)
            gru.options.isStateful = true
            let layer = graph.addLayer(.init("gru", gru))
            return try graph.call(layer: layer, graph.call(layer: layer, inputs))
        }
        let note = "layer 'gru' is stateful; ONNX keeps no states between runs, so each run starts from zeros"
        #expect(try ONNXWriter.write(model, opset: 17).notes.contains(note))
    }

    @Test(arguments: recurrentFunctions)
    func spellsTheFunctionsOfRecurrentOperators(_ function: ActivationFunction, _ spelling: ONNXActivation) {
        #expect(function.onnxRecurrent == spelling)
        #expect(ActivationFunction(onnxRecurrent: spelling) == function)
    }
}

private let recurrentFunctions: [(ActivationFunction, ONNXActivation)] = [
    (.linear, .init("Affine", alpha: 1, beta: 0)), (.affine(scale: 2, offset: 3), .init("Affine", alpha: 2, beta: 3)),
    (.relu, .init("Relu")), (.relu(slope: 0.1), .init("LeakyRelu", alpha: 0.1)),
    (.thresholdedReLU(threshold: 2), .init("ThresholdedRelu", alpha: 2)), (.tanh, .init("Tanh")),
    (.scaledTanh(scale: 2, inner: 3), .init("ScaledTanh", alpha: 2, beta: 3)), (.sigmoid, .init("Sigmoid")),
    (.hardSigmoidKeras2, .init("HardSigmoid", alpha: 0.2, beta: 0.5)),
    (.hardSigmoidKeras3, .init("HardSigmoid", alpha: 1 / 6, beta: 0.5)), (.elu(alpha: 2), .init("Elu", alpha: 2)),
    (.softsign, .init("Softsign")), (.softplus, .init("Softplus")),
]

/// A model and the operators that it is written in.
struct Structure: Sendable, CustomTestStringConvertible {
    let name: String
    var opset = 17
    let input: Tensor
    let layers: @Sendable () -> [any Operator]
    let operators: String

    var testDescription: String { name }

    func model() throws -> Model {
        let features = input.rank == 2 ? input.shape[1] : input.shape[2]
        return try Model(seed: 1) {
            input.rank == 2 ? Input(nil) : Input(nil, features)
            for layer in layers() { layer }
        }
    }

    static let all: [Structure] = [
        Structure("an LSTM", steps, "Transpose LSTM Squeeze") { [LSTM(4)] },
        Structure("all outputs of an LSTM", steps, "Transpose LSTM Squeeze Transpose") {
            [LSTM(4, activation: .relu, returnSequences: true)]
        },
        Structure("a reversed GRU", steps, "Transpose GRU Squeeze Transpose Slice") {
            [GRU(4, resetAfter: false, returnSequences: true).reversed]
        },
        Structure("an RNN and a Dense", steps, "Transpose RNN Squeeze MatMul Add Tanh") {
            [SimpleRNN(4, activation: .linear), Dense(2, activation: .tanh)]
        },
        Structure("a pair of directions", steps, "Transpose LSTM Transpose Reshape") {
            [Bidirectional(LSTM(4, returnSequences: true))]
        },
        Structure("a sum of directions", steps, "Transpose GRU Gather Gather Add") {
            [Bidirectional(GRU(4), merge: .sum)]
        },
        Structure("a function that GRU lacks", steps, "MatMul Add Shape Concat ConstantOfShape Scan") {
            [GRU(4, activation: .selu)]
        },
        Structure(
            "a masked pair of directions", ids,
            """
            Cast Gather Equal Not Cast ReduceSum Shape Squeeze Range Sub Mul Add TopK Unsqueeze Shape Expand \
            GatherElements Transpose Max Cast LSTM Greater Unsqueeze Squeeze Where Slice Slice Cast ReduceSum Shape \
            Squeeze Range Sub Mul Add TopK Unsqueeze Shape Expand GatherElements Transpose Max Cast LSTM Greater \
            Unsqueeze Squeeze Where Concat
            """
        ) { [Embedding(5, 3, maskZero: true), Bidirectional(LSTM(4))] },
        Structure(
            "all outputs of a masked GRU", steps,
            """
            Equal Not Cast ReduceMax Cast Where Squeeze Cast ReduceSum Shape Squeeze Range Sub Mul Add TopK Unsqueeze \
            Shape Expand GatherElements Transpose Max Cast GRU Squeeze Transpose CumSum Sub Max Unsqueeze Shape Expand \
            GatherElements GreaterOrEqual Unsqueeze Where
            """
        ) { [Masking(), GRU(4, returnSequences: true)] },
        Structure("a mask that nobody reads", ids, "Cast Gather MatMul Add") {
            [Embedding(5, 3, maskZero: true), Dense(2)]
        },
        Structure("a layer at every step", steps, "Shape Reshape MatMul Add Concat Reshape") {
            [TimeDistributed(Dense(2))]
        },
        Structure("normalisations", steps, "Reshape BatchNormalization Shape Reshape LayerNormalization") {
            [BatchNormalization(), LayerNormalization()]
        },
        Structure("a normalisation of old", opset: 15, steps, "ReduceMean Sub Mul ReduceMean Add Sqrt Div Mul Add") {
            [LayerNormalization()]
        },
        Structure("a gaussian unit of old", steps, "Mul Erf Mul Add Mul") { [Activation(.gelu(approximate: false))] },
        Structure("a gaussian unit", opset: 20, steps, "Gelu") { [Activation(.gelu(approximate: false))] },
    ]

    private init(
        _ name: String, opset: Int = 17, _ input: Tensor, _ operators: String,
        _ layers: @escaping @Sendable () -> [any Operator]
    ) {
        self.name = name
        self.opset = opset
        self.input = input
        self.operators = operators
        self.layers = layers
    }

    /// [batch, time, 3], of which one row is masked in parts and one wholly where masks are made of zeros.
    private static let steps: Tensor = {
        var random = RandomSource(seed: 2)
        let values = random.uniform([4, 5, 3], in: -1..<1).floats
        let rows = [[1, 1, 1, 1, 1], [0, 1, 0, 1, 1], [0, 0, 0, 0, 0], [1, 1, 0, 0, 0]].flatMap { $0 }
        return Tensor(values.indices.map { rows[$0 / 3] == 0 ? 0 : values[$0] }, shape: [4, 5, 3])
    }()

    /// [batch, time]
    private static let ids = Tensor([1, 2, 0, 4, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 1].map { Float($0) }, shape: [3, 5])
}

extension GRU {
    fileprivate var reversed: GRU {
        var copy = self
        copy.options.goBackwards = true
        return copy
    }
}

/// A layer that no format knows.
private struct Unknown: Operator {
    static let kind = "Unknown"
    func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] { [inputs[0]] }
    func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] { [inputs[0]] }
}

private func model(
    _ types: [ValueType], _ build: (inout Graph, [Graph.ValueID]) throws -> [Graph.ValueID]
) throws -> Model {
    var graph = Graph()
    let inputs = types.enumerated().map { graph.addInput("x\($0)", $1) }
    let outputs = try build(&graph, inputs)
    graph.setOutputs(outputs, names: outputs.map(graph.name(of:)))
    var random = RandomSource(seed: 0)
    var parameters = ParameterSet()
    for spec in try graph.parameterSpecs() { parameters[spec.name] = random.uniform(spec.shape, in: -1..<1) }
    return try Model(name: "model", graph: graph, parameters: parameters)
}

/// float32 [batch, time, features]
private func free(_ features: Int) -> ONNXType {
    .tensor(.float32, [.named("batch"), .named("time"), .fixed(features)].map { ONNXDimension($0) })
}

private func axisOfTime(_ info: ONNXValueInfo) -> ONNXDimension.Length? {
    guard case .tensor(_, let axes)? = info.type?.value else { return nil }
    return axes?[1].length
}

private func failure(_ body: () throws -> some Any) -> String? {
    do { _ = try body() } catch { return "\(error)" }
    return nil
}
