import FerryEngine
import FerryInterchange
import FerryRuntime
import FerryTestSupport
import Testing

/// Layers that Keras lacks are written as layers that it has, which compute the same.
struct KerasExpansionTests {
    /// A layer that is written as others, and the shapes of its inputs without the batch.
    struct Case: Sendable, CustomTestStringConvertible {
        let layer: any Operator
        var inputs: [[Int]] = [[5]]
        let becomes: String

        var testDescription: String { "\(layer.kind) \(inputs)" }
    }

    static let cases = [
        Case(
            layer: AttentionWeightedAverage(), inputs: [[4, 3]],
            becomes: "AttentionWeightedAverage became Dense, Softmax, Dot, Reshape"),
        Case(
            layer: AttentionWeightedAverage(returnsWeights: true), inputs: [[4, 3]],
            becomes: "AttentionWeightedAverage became Dense, Softmax, Dot, Reshape, Reshape"),
        Case(
            layer: Highway(activation: .tanh), becomes: "Highway became Dense, Dense, Merge, Merge, Merge"),
        Case(layer: MaxoutDense(3, pieces: 4), becomes: "MaxoutDense became Dense, Reshape, GlobalPooling"),
        Case(layer: CosineMerge(axes: (-1, -1)), inputs: [[5], [5]], becomes: "CosineMerge became Dot, Reshape"),
    ]

    @Test(arguments: cases, ["keras", "h5"])
    func computesTheSame(_ expansion: Case, _ format: String) throws {
        let model = try model(expansion)
        let folder = try TemporaryFolder()
        let path = folder("model.\(format)")
        let notes = try model.write(to: path)
        #expect(notes.contains("layer 'layer': \(expansion.becomes), which compute the same"), "\(notes)")
        var random = RandomSource(seed: 5)
        let inputs = expansion.inputs.map { random.uniform([2] + $0, in: -1..<1) }
        let before = try InferenceSession(model).predict(inputs)
        let after = try InferenceSession(Model(contentsOf: path)).predict(inputs)
        #expect(before.count == after.count)
        for (a, b) in zip(after, before) { expectClose(a, b, within: .relative(1e-6), expansion.becomes) }
    }

    @Test func maskedAverageIsRefused() throws {
        let model = try Model {
            Input(nil, dtype: .int32)
            Embedding(5, 3, maskZero: true)
            AttentionWeightedAverage()
        }
        #expect(
            sentence { try model.write(to: "m.keras") }
                == "m.keras › layer 'attention_weighted_average' (AttentionWeightedAverage): a layer that Keras 3 lacks; one of keras.layers; write ONNX instead"
        )
    }

    @Test func cosineOfMatricesIsRefused() throws {
        let matrices = Case(layer: CosineMerge(axes: (2, 2)), inputs: [[4, 3], [4, 3]], becomes: "")
        let model = try model(matrices)
        #expect(
            sentence { try model.write(to: "m.h5") }
                == "m.h5 › layer 'layer' (CosineMerge): a layer that Keras 3 lacks; one of keras.layers; write ONNX instead"
        )
        let folder = try TemporaryFolder()
        try model.write(to: folder("model.onnx"))
    }

    private func model(_ expansion: Case) throws -> Model {
        var graph = Graph()
        let inputs = expansion.inputs.enumerated().map { position, shape in
            graph.addInput("input_\(position)", ValueType(.float32, [.batch] + shape.map(Dimension.fixed)))
        }
        let outputs = try graph.append("layer", expansion.layer, inputs)
        graph.setOutputs(outputs, names: outputs.indices.map { "output_\($0)" })
        var random = RandomSource(seed: 3)
        var parameters = ParameterSet()
        for spec in try graph.parameterSpecs() { parameters[spec.name] = random.uniform(spec.shape, in: -1..<1) }
        return try Model(name: "model", graph: graph, parameters: parameters)
    }
}
