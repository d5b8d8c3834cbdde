import FerryEngine
import FerryInterchange
import FerryRuntime
import FerryTestSupport
import OrderedCollections
import Testing

/// What a reader of a bad Keras file is told, word for word.
struct KerasErrorTests {
    private static let sound = Fixture.root + "/fixtures/keras3/lstm/model.h5"

    /// The sentence for a copy of a sound file that `damage` has changed.
    private func sentence(_ damage: (inout HDF5Group) throws -> Void) throws -> String {
        let folder = try TemporaryFolder()
        var root = try HDF5Group(contentsOf: Self.sound)
        try damage(&root)
        try root.write(to: folder("model.h5"))
        return InterchangeTests.sentence { _ = try Model(contentsOf: folder("model.h5")) }
    }

    /// The sentence for a sound file whose architecture `change` has rewritten.
    private func sentence(replacing old: String, by new: String) throws -> String {
        try sentence { root in
            let config = try #require(try root.string(named: "model_config"))
            try #require(config.contains(old))
            root.attributes["model_config"] = .string(config.replacing(old, with: new))
        }
    }

    @Test func unknownLayer() throws {
        #expect(
            try sentence(replacing: "\"class_name\": \"LSTM\"", by: "\"class_name\": \"Transformer\"")
                == "model.h5 › layer 'lstm' (Transformer): is not a layer that Ferry knows; rebuild it from the layers in docs/Operators.md, or give a Swift operator in its place (ReadOptions.custom)"
        )
    }

    @Test func pythonCode() throws {
        #expect(
            try sentence(replacing: "\"class_name\": \"LSTM\"", by: "\"class_name\": \"Lambda\"")
                == "model.h5 › layer 'lstm' (Lambda): holds Python code, which Ferry does not run; rebuild it from layers, or give a Swift operator in its place (ReadOptions.custom)"
        )
    }

    @Test func unknownSetting() throws {
        #expect(
            try sentence(replacing: "\"return_state\"", by: "\"return_mood\"")
                == "model.h5 › layer 'lstm' (LSTM): settings that Ferry does not understand: 'return_mood'; rebuild the layer without them, or report the file"
        )
    }

    @Test func unknownActivation() throws {
        #expect(
            try sentence(replacing: "\"activation\": \"tanh\"", by: "\"activation\": \"wiggle\"")
                == "model.h5 › layer 'lstm' (LSTM) › setting 'activation': an activation 'wiggle', which is not one of Keras's; an activation of keras.activations; save the model with one of those"
        )
    }

    @Test func inputThatIsNotListed() throws {
        let folder = try TemporaryFolder()
        var root = try HDF5Group(contentsOf: Fixture.root + "/fixtures/keras2/shared_lstm/model.h5")
        let config = try #require(try root.string(named: "model_config"))
        let changed = config.replacing(/"input_layers": \[\[.*?\]\]/, with: "\"input_layers\": []")
        try #require(changed != config)
        root.attributes["model_config"] = .string(changed)
        try root.write(to: folder("model.h5"))
        #expect(
            InterchangeTests.sentence { _ = try Model(contentsOf: folder("model.h5")) }
                == "model.h5 › layer 'lstm': takes 'left', which is no input of the model and comes out of no layer before"
        )
    }

    @Test func outputThatIsKnownBeforehand() throws {
        var graph = Graph()
        let x = graph.addInput("x", ValueType(.float32, [.batch, 3]))
        let one = graph.addConstant("one", Tensor(scalar: Float(1)))
        graph.setOutputs([try graph.append("dense", Activation(.tanh), [x])[0], one], names: ["y", "one"])
        let model = try Model(name: "m", graph: graph, parameters: ParameterSet())
        #expect(
            InterchangeTests.sentence { try model.write(to: "m.keras", options: WriteOptions()) }
                == "m.keras › output 'one': is known beforehand, and no layer gives it; write ONNX instead")
    }

    @Test(arguments: [2, 3])
    func operationOfThree(_ version: Int) throws {
        var graph = Graph()
        let inputs = [[2, 3], [3], []].enumerated().map { index, shape in
            graph.addInput("x\(index)", ValueType(.float32, shape.map(Dimension.fixed)))
        }
        graph.setOutputs(try graph.append("least", Arithmetic(.minimum), inputs), names: ["y"])
        let model = try Model(name: "m", graph: graph, parameters: ParameterSet())
        #expect(
            InterchangeTests.sentence { try model.write(to: "m.keras", options: WriteOptions(kerasVersion: version)) }
                == "m.keras › layer 'least' (Arithmetic): 3 inputs of different ranks; two; write ONNX instead")
    }

    @Test func missingWeight() throws {
        let text = try sentence { root in
            root.update(groupAt: "model_weights/lstm") { group in
                group.attributes["weight_names"] = .strings(["sequential/lstm/lstm_cell/kernel"])
            }
        }
        #expect(
            text
                == "model.h5 › layer 'lstm' (LSTM): 1 weights: 'sequential/lstm/lstm_cell/kernel'; 3: kernel, recurrent_kernel, bias"
        )
    }

    @Test func truncatedFile() throws {
        let folder = try TemporaryFolder()
        let bytes = try FileBytes.read(Self.sound)
        try AtomicFile.write(Array(bytes.prefix(bytes.count / 2)), to: folder("model.h5"))
        let text = InterchangeTests.sentence { _ = try Model(contentsOf: folder("model.h5")) }
        #expect(text.hasPrefix("model.h5: "))
    }

    @Test func weightsWithoutArchitecture() throws {
        let text = try sentence { root in
            root = try #require(root.groups["model_weights"])
        }
        #expect(
            text
                == "model.h5: weights without an architecture; a whole model; give the architecture with --architecture CONFIG.json or a model file"
        )
    }
}
