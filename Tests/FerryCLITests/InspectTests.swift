import Ferry
import Foundation
import OrderedCollections
import Testing

@Suite struct InspectTests {
    @Test func theTextShowsFormatLayersAndTotals() throws {
        let run = try FerryProcess(["inspect", Fixture.demo])
        #expect(run.status == 0)
        #expect(run.errors.isEmpty)
        let lines = run.output.split(separator: "\n").map(String.init)
        #expect(lines.first == "file      model.h5")
        #expect(lines.contains("format    Keras HDF5"))
        #expect(lines.contains { $0.contains("LSTM") && $0.contains("10,400") && $0.hasSuffix("yes") })
        #expect(lines.contains("10,451 parameters: 10,451 trainable, 0 not"))
    }

    @Test func theJSONHoldsTheSameFacts() throws {
        let run = try FerryProcess(["inspect", Fixture.demo, "--json"])
        #expect(run.errors.isEmpty)
        let facts = try JSONValue(parsing: run.output)
        #expect(
            facts.objectValue?.keys.elements == [
                "file", "format", "producer", "name", "inputs", "outputs", "layers", "parameters", "lifted",
                "not_lifted", "warnings",
            ])
        #expect(facts["format"] == "Keras HDF5")
        #expect(facts["inputs"]?[0]?["dtype"] == "float32")
        #expect(facts["inputs"]?[0]?["shape"] == [.null, 3, 1])
        #expect(facts["outputs"]?[0]?["shape"] == [.null, 1])
        #expect(facts["parameters"] == ["total": 10451, "trainable": 10451, "non_trainable": 0])
        let layers = try #require(facts["layers"]?.arrayValue)
        #expect(layers.map { $0["kind"] } == ["LSTM", "Dense"])
        #expect(layers.map { $0["parameters"] } == [10400, 51])
        #expect(layers[0]["output_shape"] == [.null, 50])
        #expect(layers[0]["trainable"] == true)
    }

    @Test func saysWhatWasLiftedAndWhatWasNot() throws {
        let run = try FerryProcess(["inspect", Fixture.path("tf2onnx/gru_before/model.onnx")])
        #expect(
            run.output.contains(
                "lifted: recognise loops over the steps of a recurrent cell as recurrent layers (1)\n"))
        let other = try FerryProcess(["inspect", Fixture.path("torch-onnx/gru_packed_script/model.onnx")])
        #expect(other.output.contains("not lifted: "))
        #expect(other.output.contains(": no layer means the same\n"))
    }

    @Test func theBytesDecideAndNotTheName() throws {
        let folder = try Folder()
        try FileManager.default.copyItem(atPath: Fixture.demo, toPath: folder["model.onnx"])
        let run = try FerryProcess(["inspect", "model.onnx", "--json"], in: folder)
        #expect(try JSONValue(parsing: run.output)["format"] == "Keras HDF5")
    }
}
