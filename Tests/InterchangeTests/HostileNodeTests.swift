import FerryEngine
import FerryInterchange
import FerryRuntime
import Testing

/// Nodes that lack inputs, outputs and attributes are refused, whatever their operator is.
@Suite struct HostileNodeTests {
    @Test(arguments: ONNXReaderCatalogue.byOperator.keys.sorted()) func nodesWithTooLittle(operatorType: String) {
        for inputs in Self.inputs {
            for outputs in [[], ["y", "z", "", "w"]] {
                for attributes in Self.attributes {
                    let node = ONNXNode(
                        operatorType, name: "n", inputs: inputs, outputs: outputs, attributes: attributes)
                    use(node)
                }
            }
        }
    }

    private static let inputs = [
        [], [""], ["x"], ["", "x"], ["x", ""], ["k"], ["k", "k"], ["x", "i"], ["x", "x", "x"], ["x", "k", "k", "k"],
        ["", "", ""], ["x", "i", "i", "i", "i", "i", "i", "i", "i"],
    ]
    private static let attributes = [
        [], [ONNXAttribute("axis", .int(.max)), ONNXAttribute("hidden_size", .int(.max))],
        [
            ONNXAttribute("axes", .ints([.min, 5])), ONNXAttribute("axis", .int(.min)),
            ONNXAttribute("kernel_shape", .ints([.max, .max])), ONNXAttribute("perm", .ints([])),
        ],
    ]

    private static let type = ONNXType(
        .tensor(ONNXDataType(.float32), [2, 3, 4].map { ONNXDimension(.fixed($0)) }))

    /// Reads and runs a graph of one node; any error but one of Ferry's is a fault, and so is the end of the process.
    private func use(_ node: ONNXNode) {
        var graph = ONNXGraph(name: "g")
        graph.nodes = [node]
        graph.inputs = [ONNXValueInfo(name: "x", type: Self.type)]
        graph.initializers = [
            ONNXTensor(name: "k", Tensor([1, 2, 3] as [Float])), ONNXTensor(name: "i", Tensor([1, -1] as [Int64])),
        ]
        graph.outputs = [ONNXValueInfo(name: node.outputs.first { !$0.isEmpty } ?? "x", type: nil)]
        do {
            let onnx = try ONNXModel(
                bytes: ONNXModel(graph: graph, opsets: [ONNXOpset(version: 17)], irVersion: 8).bytes())
            let model = try ONNXReader.read(onnx, fileName: "m.onnx")
            _ = try InferenceSession(model).predict([Tensor(zeros: [2, 3, 4])])
        } catch {
            #expect(error is FerryError, "\(node): \(error)")
        }
    }
}
