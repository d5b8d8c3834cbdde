import Ferry
import Foundation
import OrderedCollections
import Testing

@Suite struct PredictTests {
    /// Runs `ferry predict` on arrays and reads its outputs back.
    private func predict(
        _ model: String, _ inputs: [Tensor], _ options: [String] = []
    ) throws -> (outputs: [Tensor], run: FerryProcess) {
        let folder = try Folder()
        var arguments = ["predict", Fixture.path(model), "-o", "y.npz"] + options
        for (index, tensor) in inputs.enumerated() {
            try NPYFile.write(tensor, to: folder["x\(index).npy"])
            arguments += ["-i", "x\(index).npy"]
        }
        let run = try FerryProcess(arguments, in: folder)
        guard run.status == 0 else { return ([], run) }
        return (Array(try NPZFile.read(folder["y.npz"]).values), run)
    }

    private func expectEqual(_ found: [Tensor], _ expected: [Tensor], _ run: FerryProcess) {
        #expect(found.count == expected.count, "\(run.errors)")
        for (a, b) in zip(found, expected) {
            let difference = Difference(a, b)
            #expect(difference.isWithin(.relative(b.dtype == .float16 ? 1e-3 : 1e-5)), "\(difference)")
        }
    }

    @Test(arguments: [
        "demo/model.h5", "keras2/lstm/model.h5", "keras2/inputs_and_outputs/model.h5", "keras2/gru_masked/model.h5",
        "keras3/lstm/model.keras", "keras3/lstm/model.h5", "keras3/encoder_decoder_lstm/model.keras",
        "keras3/float16/model.keras",
    ])
    func theNumbersAreThoseOfKeras(model: String) throws {
        let recording = try Recording(model.parentFolder)
        let (outputs, run) = try predict(model, recording.inputs, ["--quiet"])
        expectEqual(outputs, recording.outputs, run)
        #expect(run.output.isEmpty && run.errors.isEmpty)
    }

    @Test(arguments: ["keras2/lstm_stateful/model.h5", "keras3/lstm_stateful/model.keras"])
    func aStatefulModelGoesOnFromBatchToBatch(model: String) throws {
        let recording = try Recording(model.parentFolder)
        let twice = recording.inputs.map { Tensor.concatenated([$0, $0], axis: 0) }
        let (outputs, run) = try predict(model, twice)
        let expected = zip(recording.outputs, recording.nextOutputs).map { Tensor.concatenated([$0, $1], axis: 0) }
        expectEqual(outputs, expected, run)

        let odd = recording.inputs.map { Tensor.concatenated([$0, $0], axis: 0).sliced(axis: 0, from: 0, count: 3) }
        let refused = try predict(model, odd).run
        #expect(refused.errors.contains(": 3 rows; a multiple of the model's batch size 2; add or leave out rows\n"))
        #expect(refused.status == 65)
    }

    @Test(arguments: ["lstm_stateful", "gru_stateful", "bidirectional_stateful", "stateful_masked"])
    func aStatefulModelStaysOneInONNX(name: String) throws {
        let recording = try Recording("keras3/\(name)")
        let folder = try Folder()
        let source = Fixture.path("keras3/\(name)/model.keras")
        let converted = try FerryProcess(["convert", source, "m.onnx"], in: folder)
        #expect(converted.status == 0, "\(converted.errors)")
        #expect(converted.errors.contains("note: states come in and go out, zeros at first: '"))
        let twice = recording.inputs.map { Tensor.concatenated([$0, $0], axis: 0) }
        try NPYFile.write(twice[0], to: folder["x.npy"])
        let run = try FerryProcess(["predict", "m.onnx", "-i", "x.npy", "-o", "y.npz"], in: folder)
        let expected = zip(recording.outputs, recording.nextOutputs).map { Tensor.concatenated([$0, $1], axis: 0) }
        #expect(run.status == 0, "\(run.errors)")
        if run.status == 0 { expectEqual(Array(try NPZFile.read(folder["y.npz"]).values), expected, run) }
    }

    /// A graph of PyTorch whose initial states are inputs and whose last ones are outputs.
    @Test(arguments: ["lstm_states_bidirectional_script", "gru_states_dynamo", "rnn_states_script"])
    func statefulHandsOutputsOnToInputs(name: String) throws {
        let model = try Model(contentsOf: Fixture.path("torch-onnx/\(name)/model.onnx"))
        let recording = try Recording("torch-onnx/\(name)")
        let states = recording.inputs.dropFirst().map { Tensor(zeros: $0.shape) }
        let x = recording.inputs[0]
        let session = try InferenceSession(model)
        let first = try session.predict([x] + states)
        let second = try session.predict([x] + Array(first.dropFirst()))
        let (outputs, run) = try predict(
            "torch-onnx/\(name)/model.onnx", [Tensor.concatenated([x, x], axis: 0)], ["--stateful"])
        #expect(run.status == 0, "\(run.errors)")
        let expected = [Tensor.concatenated([first[0], second[0]], axis: 0)] + Array(second.dropFirst())
        expectEqual(outputs, expected, run)
    }

    @Test func statefulCarriesStatesFromRowToRow() throws {
        let model = try Model(contentsOf: Fixture.path("keras2/lstm_stacked/model.h5"))
        let recording = try Recording("keras2/lstm_stacked")
        let (outputs, run) = try predict("keras2/lstm_stacked/model.h5", recording.inputs, ["--stateful"])
        let session = try InferenceSession(model)
        var state = LayerState(isStreaming: true)
        let rows = try (0..<recording.inputs[0].shape[0]).map { row in
            try session.predict([recording.inputs[0].sliced(axis: 0, from: row, count: 1)], state: &state)[0]
        }
        expectEqual(outputs, [.concatenated(rows, axis: 0)], run)
    }

    @Test func inputsAreGivenByNameOrInOneArchive() throws {
        let (name, recording) = ("keras2/inputs_and_outputs", try Recording("keras2/inputs_and_outputs"))
        let path = Fixture.path("\(name)/model.h5")
        let names = try Model(contentsOf: path).inputs.map(\.name)
        let folder = try Folder()
        for (index, tensor) in recording.inputs.enumerated() { try NPYFile.write(tensor, to: folder["x\(index).npy"]) }
        try NPZFile.write([names[1]: recording.inputs[1], names[0]: recording.inputs[0]], to: folder["named.npz"])
        try NPZFile.write(["a": recording.inputs[0], "b": recording.inputs[1]], to: folder["ordered.npz"])
        for inputs in [
            ["-i", "\(names[1])=x1.npy", "-i", "\(names[0])=x0.npy"], ["-i", "\(names[1])=x1.npy", "-i", "x0.npy"],
            ["-i", "named.npz"], ["-i", "ordered.npz"], ["-i", "x0.npy", "-i", "\(names[1])=named.npz"],
        ] {
            let run = try FerryProcess(["predict", path, "-o", "y.npz", "--quiet"] + inputs, in: folder)
            #expect(run.status == 0, "\(inputs): \(run.errors)")
            expectEqual(Array(try NPZFile.read(folder["y.npz"]).values), recording.outputs, run)
        }
        let outputs = try NPZFile.read(folder["y.npz"])
        #expect(outputs.keys.elements == (try Model(contentsOf: path).graph.outputNames))
    }

    @Test func numbersAreConvertedWhereNothingIsLost() throws {
        let recording = try Recording("keras2/inputs_and_outputs")
        let wide = zip(recording.inputs, [DType.int64, .float64]).map { $0.cast(to: $1) }
        let (outputs, run) = try predict("keras2/inputs_and_outputs/model.h5", wide)
        expectEqual(outputs, recording.outputs, run)

        let halves = Tensor([Float](repeating: 0.5, count: 7), shape: [1, 7])
        let fractions = try predict("keras2/embedding/model.h5", [halves])
        #expect(fractions.run.errors.hasSuffix(": holds float32 values such as 0.5; int32 without loss\n"))
        #expect(fractions.run.status == 65)
    }

    @Test func aMissingBatchAxisIsExplained() throws {
        let run = try predict("demo/model.h5", [Tensor([0.1, 0.2, 0.3] as [Float], shape: [3, 1])]).run
        let input = try Model(contentsOf: Fixture.demo).inputs[0].name
        #expect(
            run.errors == """
                x0.npy › input '\(input)': shape [3, 1]; expected [batch, 3, 1]; \
                the batch axis is missing: save one sample with shape [1, 3, 1]

                """)
        #expect(run.status == 65)
    }

    @Test func theNumberOfInputsMustAgree() throws {
        let input = try Model(contentsOf: Fixture.demo).inputs[0].name
        let x = Tensor(zeros: [1, 3, 1])
        let run = try predict("demo/model.h5", [x, x]).run
        #expect(
            run.errors == """
                model.h5: 2 inputs are given; the model has 1: '\(input)'; \
                give -i once for each, in this order or as -i NAME=FILE

                """)
        #expect(run.status == 64)
        let unknown = try FerryProcess(["predict", Fixture.demo, "-i", "q=x.npy", "-o", "-"])
        #expect(unknown.errors == "model.h5: there is no input 'q'; the inputs are '\(input)'\n")
        #expect(unknown.status == 64)
    }

    @Test func severalOutputsNeedAnArchive() throws {
        let run = try FerryProcess(
            ["predict", Fixture.path("keras2/inputs_and_outputs/model.h5"), "-i", "x.npy", "-o", "y.npy", "--quiet"])
        #expect(run.errors == "model.h5: has 2 outputs, and y.npy holds one array; expected .npz or '-'\n")
        #expect(run.status == 64)
    }

    @Test func aTableGoesInAndJSONComesOut() throws {
        let recording = try Recording("demo")
        let rows = recording.inputs[0].reshaped([6, 3])
        let lines = (0..<6).map { rows.rows([$0]).floats.map { "\($0)" }.joined(separator: ",") }
        let folder = try Folder()
        try lines.joined(separator: "\n").write(toFile: folder["x.csv"], atomically: true, encoding: .utf8)
        let run = try FerryProcess(["predict", Fixture.demo, "-i", "x.csv", "-o", "-"], in: folder)
        #expect(run.status == 0)
        #expect(run.errors.contains("note: x.csv › input '"))
        #expect(run.errors.contains("': each line is taken for one sample, shape [6, 3, 1]\n"))
        let outputs = try #require(try JSONValue(parsing: run.output).objectValue)
        let numbers = outputs.values[0].arrayValue?.compactMap { $0[0]?.doubleValue.map { Float($0) } }
        expectEqual([Tensor(numbers ?? [], shape: [6, 1])], recording.outputs, run)

        let quiet = try FerryProcess(["predict", Fixture.demo, "-i", "x.csv", "-o", "-", "--quiet"], in: folder)
        #expect(quiet.errors.isEmpty)
        #expect(quiet.output == run.output)
    }
}
