import FerryEngine
import FerryInterchange
import FerryRuntime
import FerryTestSupport
import Testing

/// What is read computes what ONNX Runtime computed.
struct ONNXReaderTests {
    @Test(arguments: Fixture.all(in: "onnx"))
    func computesWhatWasRecorded(_ fixture: Fixture) throws {
        let model = try ONNXReader.read(ONNXModel(contentsOf: fixture.path), fileName: "model.onnx")
        let outputs = try InferenceSession(model).predict(fixture.recorded("in"))
        let expected = try fixture.recorded("out")
        #expect(outputs.count == expected.count)
        for (found, expected) in zip(outputs, expected) {
            #expect(found.dtype == expected.dtype)
            let tolerance: Tolerance =
                expected.dtype == .float16 ? .relative(2e-3) : expected.dtype.isFloat ? .relative(2e-6) : .exact
            expectClose(found, expected, within: tolerance, fixture.name)
        }
    }

    @Test func namesEveryOperatorThatItLacks() throws {
        let inner = graph("inner", [ONNXNode("Bar", domain: "com.example", name: "n2", inputs: [], outputs: ["b"])])
        let model = model([
            ONNXNode("Foo", name: "n1", inputs: ["x"], outputs: ["f"]),
            ONNXNode(
                "If", name: "choice", inputs: ["f"], outputs: ["y"],
                attributes: [
                    ONNXAttribute("then_branch", .graph(inner)), ONNXAttribute("else_branch", .graph(inner)),
                ]),
        ])
        #expect(
            failure { try ONNXReader.read(model, fileName: "model.onnx") }
                == """
                model.onnx: 3 operators are not supported: 'n1' (Foo), 'n2' (com.example.Bar), 'n2' (com.example.Bar); \
                see docs/Operators.md for those that are
                """)
    }

    @Test(arguments: Refusal.all)
    func refusesWhatItDoesNotUnderstand(_ refusal: Refusal) throws {
        let model = model(refusal.nodes, opset: refusal.opset, refusal.constants)
        #expect(failure { try ONNXReader.read(model, fileName: "model.onnx") } == refusal.sentence)
    }

    @Test func callsNodesWithoutNamesByTheirOutputs() throws {
        let model = model([
            ONNXNode("Relu", inputs: ["x"], outputs: ["y"], attributes: [ONNXAttribute("slope", .int(1))])
        ])
        #expect(
            failure { try ONNXReader.read(model, fileName: "m.onnx") }
                == "m.onnx › node 'y' (Relu): attribute 'slope'; attributes that Ferry understands")
    }

    @Test func repairsTheGRUsOfPyTorchsExporter() throws {
        let fixture = try #require(Fixture.all(in: "onnx").first { $0.caseName == "gru_mistaken_pytorch" })
        let model = try ONNXReader.read(ONNXModel(contentsOf: fixture.path), fileName: "model.onnx")
        #expect(
            model.metadata.notes == [
                """
                node 'GRU_0' (GRU) says linear_before_reset = 0, which PyTorch's exporter wrote by mistake; read as 1
                """
            ])
        #expect(model.metadata.producer == "pytorch")
    }

    /// PyTorch's dynamo exporter writes an LSTM with a projection with a part of its weights.
    @Test func saysWhyProjectedLSTMsCannotBeRead() {
        var model = model([Refusal.cutOff], Refusal.cutOffWeights)
        model.producerName = "pytorch"
        #expect(
            failure { try ONNXReader.read(model, fileName: "model.onnx") }
                == """
                model.onnx › node 'rnn_1' (LSTM): an initial state of 3 features and weights of 2 units; \
                as many features as units; PyTorch's exporter cut off the weights of an LSTM with proj_size; \
                convert the module's state dict, with --architecture lstm:in=…,hidden=…,proj=…
                """)
    }

    @Test func readsEveryPrimitive() {
        // What LSTM, GRU and RNN are taken apart into, and what other operators read as one of their cases.
        let without = PrimitiveCatalogue.all.filter { !($0 is any ONNXReadable.Type) }.map { $0.kind }
        #expect(without == ["Reverse", "FillLike", "LengthMask", "TransposedConvolution", "IndexedPooling"])
    }

    @Test func replacesCallsOfFunctions() throws {
        var function = ONNXFunction(name: "Twice", domain: "local")
        (function.inputs, function.outputs, function.attributes) = (["a"], ["c"], ["alpha"])
        function.nodes = [
            ONNXNode(
                "LeakyRelu", inputs: ["a"], outputs: ["b"],
                attributes: [ONNXAttribute("alpha", .reference("alpha", .float))]),
            ONNXNode("Add", inputs: ["b", "a"], outputs: ["c"]),
        ]
        var model = model([
            ONNXNode(
                "Twice", domain: "local", name: "twice", inputs: ["x"], outputs: ["y"],
                attributes: [ONNXAttribute("alpha", .float(0.5))])
        ])
        model.functions = [function]
        let session = try InferenceSession(ONNXReader.read(model, fileName: "model.onnx"))
        #expect(try session.predict(Tensor([-2, 3] as [Float], shape: [1, 2])).floats == [-3, 6])
    }
}

/// A model that cannot be read, and the sentence that says why.
struct Refusal: Sendable, CustomTestStringConvertible {
    let nodes: [ONNXNode]
    var opset = 17
    var constants: [ONNXTensor] = []
    let sentence: String
    var testDescription: String { sentence }

    static let cutOff = ONNXNode(
        "LSTM", name: "rnn_1", inputs: ["x", "w", "r", "", "", "h", "c"], outputs: ["y"])
    static let cutOffWeights = [
        ONNXTensor(name: "w", Tensor(zeros: [1, 8, 2])), ONNXTensor(name: "r", Tensor(zeros: [1, 8, 2])),
        ONNXTensor(name: "h", Tensor(zeros: [1, 1, 2])), ONNXTensor(name: "c", Tensor(zeros: [1, 1, 3])),
    ]

    static let all = [
        Refusal(
            nodes: [cutOff], constants: cutOffWeights,
            sentence: """
                model.onnx › node 'rnn_1' (LSTM): an initial state of 3 features and weights of 2 units; \
                as many features as units; export the model again
                """),
        Refusal(
            nodes: [ONNXNode("Relu", name: "r", inputs: ["z"], outputs: ["y"])],
            sentence: "model.onnx › node 'r' (Relu): reads 'z', which nothing before it puts out"),
        Refusal(
            nodes: [ONNXNode("Relu", name: "r", inputs: ["x"], outputs: ["y"])], opset: 99,
            sentence: """
                model.onnx: uses version 99 of ONNX's operators; Ferry reads 1 to 28; \
                convert it with onnx.version_converter
                """),
        Refusal(
            nodes: [ONNXNode("MatMul", name: "m", inputs: ["x"], outputs: ["y"])],
            sentence: "model.onnx › node 'm' (MatMul): has 1 inputs; 2 of them"),
        Refusal(
            nodes: [ONNXNode("LSTM", name: "rnn_1", inputs: ["x", "x", "x"], outputs: ["y"])],
            sentence: """
                model.onnx › node 'rnn_1' (LSTM): weights [1, 2], recurrent weights [1, 2] and 2 units; \
                [directions, 4 · units, features] and [directions, 4 · units, units]
                """),
        Refusal(
            nodes: [
                ONNXNode(
                    "LSTM", name: "rnn_1", inputs: ["x", "x", "x"], outputs: ["y"],
                    attributes: [ONNXAttribute("direction", .text("sideways"))])
            ],
            sentence: """
                model.onnx › node 'rnn_1' (LSTM) › attribute 'direction': 'sideways'; \
                one of 'bidirectional', 'forward', 'foward', 'reverse'
                """),
        Refusal(
            nodes: [ONNXNode("RNN", name: "rnn_1", inputs: ["x", "w", "r"], outputs: ["y"])],
            constants: [
                ONNXTensor(name: "w", Tensor(zeros: [1, 4, 2])), ONNXTensor(name: "r", Tensor(zeros: [1, 3, 3])),
            ],
            sentence: "model.onnx › node 'rnn_1' (RNN): input 'w' has shape [1, 4, 2]; [1, 3, 2] for 3 units"),
        Refusal(
            nodes: [
                ONNXNode(
                    "RNN", name: "rnn_1", inputs: ["x", "w", "r"], outputs: ["y"],
                    attributes: [ONNXAttribute("hidden_size", .int(.max))])
            ],
            constants: [
                ONNXTensor(name: "w", Tensor(zeros: [1, 3, 2])), ONNXTensor(name: "r", Tensor(zeros: [1, 3, 3])),
            ],
            sentence: """
                model.onnx › node 'rnn_1' (RNN): weights [1, 3, 2], recurrent weights [1, 3, 3] and \
                9223372036854775807 units; [directions, 1 · units, features] and [directions, 1 · units, units]
                """),
    ]
}

private func graph(_ name: String, _ nodes: [ONNXNode]) -> ONNXGraph {
    var graph = ONNXGraph(name: name)
    graph.nodes = nodes
    graph.outputs = [ONNXValueInfo(name: nodes.last?.outputs.first ?? "", type: nil)]
    return graph
}

/// A model that reads `x` [1, 2].
private func model(_ nodes: [ONNXNode], opset: Int = 17, _ constants: [ONNXTensor] = []) -> ONNXModel {
    var graph = graph("g", nodes)
    graph.inputs = [
        ONNXValueInfo(name: "x", type: .tensor(.float32, [ONNXDimension(.fixed(1)), ONNXDimension(.fixed(2))]))
    ]
    graph.initializers = constants
    return ONNXModel(graph: graph, opsets: [ONNXOpset(version: opset)], irVersion: 8)
}

private func failure(_ body: () throws -> some Any) -> String? {
    do {
        _ = try body()
        return nil
    } catch {
        return "\(error)"
    }
}
