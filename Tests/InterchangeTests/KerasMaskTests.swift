import FerryEngine
import FerryInterchange
import FerryRuntime
import FerryTestSupport
import OrderedCollections
import Testing

/// Masks that mean something else in the Keras that is written.
struct KerasMaskedStepsTests {
    @Test(arguments: [2, 3])
    func shownByABidirectionalOfOld(_ version: Int) throws {
        let model = try Model(contentsOf: Fixture.root + "/fixtures/keras1/rnn_masked/model.h5")
        #expect(
            InterchangeTests.sentence { try model.write(to: "m.h5", options: WriteOptions(kerasVersion: version)) }
                == "m.h5 › layer 'bidirectional_2' (Bidirectional): gives its last output again at masked steps, and these come out of the model; today's Keras gives zeros there; write ONNX instead"
        )
    }

    @Test(arguments: [2, 3])
    func beforeTheFirstThatCounts(_ version: Int) throws {
        let model = try Model(contentsOf: Fixture.root + "/fixtures/keras2.2.4/stateful_masked/model.h5")
        #expect(
            InterchangeTests.sentence { try model.write(to: "m.h5", options: WriteOptions(kerasVersion: version)) }
                == "m.h5 › layer 'gru_1' (GRU): gives its initial state at masked steps before the first that counts; today's Keras gives zeros there; write ONNX instead"
        )
    }

    /// Keras 3 would call an operation of its own `any`, and refuse the model.
    @Test func givenByHandWhereALayerHasTheirName() throws {
        var graph = Graph()
        graph.structure = .sequential
        let x = graph.addInput("x", ValueType(.float32, [.batch, 5, 3]))
        let masked = try graph.append("any", Masking(0), [x])
        let mean = try graph.append("mean", GlobalPooling(.average), masked)
        graph.setOutputs(mean, names: ["mean"])
        let model = try Model(name: "m", graph: graph, parameters: ParameterSet())

        let folder = try TemporaryFolder()
        try model.write(to: folder("m.keras"), options: WriteOptions())
        let members = try ZipArchive.read(FileBytes.read(folder("m.keras")))
        let config = String(decoding: members["config.json"] ?? [], as: UTF8.self)
        for name in ["any", "any_not_equal", "any_mask", "mean"] { #expect(config.contains("\"\(name)\"")) }
        let copy = try Model(contentsOf: folder("m.keras"))
        #expect(copy.graph.layers.map(\.name) == ["any", "mean"])
        let differences = try Verification.compare(copy, model, names: ("copy", "model"))
        #expect(differences.areWithin(.exact))
    }
}
