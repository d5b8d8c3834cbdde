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
        var layer = SimpleRNN(2)
        (layer.options.returnSequences, layer.options.returnState) = (true, true)
        var both = Bidirectional(layer)
        both.forward.options.zeroOutputForMask = false
        both.backward.options.zeroOutputForMask = false
        var graph = Graph()
        let x = graph.addInput("x", ValueType(.float32, [.batch, 5, 3]))
        let outputs = try graph.append("both", both, try graph.append("masking", Masking(0), [x]))
        graph.setOutputs([outputs[0]], names: ["y"])
        var parameters = ParameterSet()
        for spec in try graph.parameterSpecs() { parameters[spec.name] = Tensor(zeros: spec.shape) }
        let model = try Model(name: "m", graph: graph, parameters: parameters)
        #expect(
            InterchangeTests.sentence { try model.write(to: "m.h5", options: WriteOptions(kerasVersion: version)) }
                == "m.h5 › layer 'both' (Bidirectional): gives its last output again at masked steps, and these come out of the model; today's Keras gives zeros there; write ONNX instead"
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

    @Test func thatDoNotFitAreRefused() throws {
        let model = try Model(contentsOf: Fixture.root + "/fixtures/keras3/mask_argument/model.keras")
        let session = try InferenceSession(model)
        func sentence(_ words: [Int]) -> String {
            InterchangeTests.sentence {
                _ = try session.predict([Tensor(zeros: [2, 6, 3]), Tensor(zeros: words, dtype: .int32)])
            }
        }
        for words in [[2, 3], [1, 6]] {
            #expect(
                sentence(words)
                    == "layer 'gru' (GRU): a mask \(words) for [2, 6, 3]; one for each time step; give the mask the first two axes of the input"
            )
        }
        #expect(try session.predict([Tensor(zeros: [2, 6, 3]), Tensor(zeros: [2, 6], dtype: .int32)]).count == 1)
    }

    /// Where nothing else hangs on it, such a layer is taken apart.
    @Test(arguments: ["keras1/rnn_masked", "keras2.2.4/lstm_bidirectional_masked"], [2, 3])
    func takenApart(_ name: String, _ version: Int) throws {
        let model = try Model(contentsOf: Fixture.root + "/fixtures/\(name)/model.h5")
        let folder = try TemporaryFolder()
        let notes = try model.write(to: folder("m.keras"), options: WriteOptions(kerasVersion: version))
        #expect(
            notes.contains {
                $0.contains(
                    "two layers, of which one is turned around, took its place, because it gives its last output")
            })
        let copy = try Model(contentsOf: folder("m.keras"))
        let counts = [copy, model].map { $0.graph.layers.count { $0.operation is Bidirectional } }
        #expect(counts[0] < counts[1])
        #expect(try Verification.compare(copy, model, names: ("copy", "model")).areWithin(.conversion))
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
