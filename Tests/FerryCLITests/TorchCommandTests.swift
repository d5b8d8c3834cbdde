import Ferry
import Foundation
import Testing

/// State dicts of PyTorch at the command line.
@Suite struct TorchCommandTests {
    private static let cases = ["lstm", "gru_bidirectional", "lstm_stacked", "conv", "dense"]
    private static let files = ["model.pt", "model.safetensors"]

    private func architecture(_ name: String) throws -> String {
        let path = Fixture.path("torch/\(name)/architecture.txt")
        return try String(contentsOfFile: path, encoding: .utf8).trimmingCharacters(in: .newlines)
    }

    @Test(arguments: cases, files)
    func aStateDictBecomesAModel(name: String, file: String) throws {
        let folder = try Folder()
        let (source, words) = (Fixture.path("torch/\(name)/\(file)"), try architecture(name))
        let run = try FerryProcess(
            ["convert", source, "m.keras", "--architecture", words, "--quiet"], in: folder)
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.hasPrefix("largest difference "))

        let recording = try Recording("torch/\(name)")
        try NPYFile.write(recording.inputs[0], to: folder["x.npy"])
        for model in [["m.keras"], [source, "--architecture", words]] {
            let predicted = try FerryProcess(
                ["predict"] + model + ["-i", "x.npy", "-o", "y.npy", "--quiet"], in: folder)
            #expect(predicted.status == 0, "\(predicted.errors)")
            let difference = Difference(try NPYFile.read(folder["y.npy"]), recording.outputs[0])
            #expect(difference.isWithin(.relative(1e-5)), "\(model): \(difference)")
        }
    }

    @Test(arguments: files)
    func theOtherContainerHoldsTheSameBits(file: String) throws {
        let folder = try Folder()
        let other = file == "model.pt" ? "m.safetensors" : "m.pt"
        let run = try FerryProcess(["convert", Fixture.path("torch/lstm/\(file)"), other], in: folder)
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output == "6 tensors, the same bit for bit\n")
    }

    @Test func tensorsAreListed() throws {
        let run = try FerryProcess(["inspect", Fixture.path("torch/lstm/model.pt")])
        #expect(run.output.contains("lstm0.weight_ih_l0  float32  [24, 4]        96\n"))
        #expect(run.output.hasSuffix("6 tensors, 309 elements\n"))
    }

    @Test func theModuleIsPrinted() throws {
        let run = try FerryProcess([
            "inspect", Fixture.path("torch/lstm/model.pt"), "--pytorch", "--quiet", "--architecture",
            try architecture("lstm"),
        ])
        #expect(run.output.contains("nn.LSTM(4, 6, batch_first=True)\n"))
        #expect(run.output.contains("nn.Linear(6, 3)\n"))
    }

    @Test func aModelNeedsAnArchitecture() throws {
        let folder = try Folder()
        let run = try FerryProcess(["convert", Fixture.path("torch/lstm/model.pt"), "m.keras"], in: folder)
        #expect(
            run.errors == """
                model.pt: tensors without a graph; a whole model; give the architecture with --architecture: a model \
                file, a Keras config.json, or a description such as 'lstm:in=4,hidden=6 -> linear:3'

                """)
        #expect(run.status == 65)
        #expect(try folder.names.isEmpty)
    }
}
