import Ferry
import Foundation
import Testing

@Suite struct ConvertTests {
    private static let inputs = ["demo/model.h5", "keras2/gru_masked/model.h5", "keras3/lstm_stacked/model.keras"]

    @Test(arguments: inputs, ["m.h5", "m.keras", "m.weights.h5", "m.onnx"])
    func whatIsWrittenComputesTheSame(input: String, output: String) throws {
        let folder = try Folder()
        let run = try FerryProcess(["convert", Fixture.path(input), output, "--quiet"], in: folder)
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors.isEmpty)
        #expect(run.output.hasPrefix("largest difference "))
        #expect(run.output.hasSuffix(" runs\n"))
        #expect(try folder.names == [output])

        let architecture = output.hasSuffix(".weights.h5") ? ["--architecture", Fixture.path(input)] : []
        let check = try FerryProcess(["verify", output, Fixture.path(input), "--quiet"] + architecture, in: folder)
        #expect(check.status == 0, "\(check.errors)")
        #expect(check.output == run.output)
    }

    @Test func theFormatCanBeNamed() throws {
        let folder = try Folder()
        let run = try FerryProcess(["convert", Fixture.demo, "model.bin", "--to", "keras"], in: folder)
        #expect(run.status == 0, "\(run.errors)")
        let facts = try FerryProcess(["inspect", "model.bin", "--json"], in: folder)
        #expect(try JSONValue(parsing: facts.output)["format"]?.stringValue?.contains("Keras") == true)
    }

    @Test func noVerifyPrintsNothing() throws {
        let folder = try Folder()
        let run = try FerryProcess(["convert", Fixture.demo, "m.keras", "--no-verify", "--quiet"], in: folder)
        #expect(run.status == 0)
        #expect(run.output.isEmpty && run.errors.isEmpty)
        #expect(try folder.names == ["m.keras"])
    }

    @Test func aFailureLeavesTheOldFile() throws {
        let folder = try Folder()
        try "old".write(toFile: folder["m.onnx"], atomically: true, encoding: .utf8)
        try "no model".write(toFile: folder["m.h5"], atomically: true, encoding: .utf8)
        let run = try FerryProcess(["convert", "m.h5", "m.onnx"], in: folder)
        #expect(run.status == 65)
        #expect(try String(contentsOfFile: folder["m.onnx"], encoding: .utf8) == "old")
        #expect(try folder.names == ["m.h5", "m.onnx"])
    }

    @Test func aMissingFolderIsNamed() throws {
        let run = try FerryProcess(["convert", Fixture.demo, "nowhere/m.keras", "--quiet"], in: Folder())
        #expect(run.errors == "m.keras: the folder 'nowhere' does not exist; create it first\n")
        #expect(run.status == 65)
    }

    @Test func differentModelsAreToldApart() throws {
        let run = try FerryProcess(
            ["verify", Fixture.path("keras2/lstm/model.h5"), Fixture.path("keras2/gru/model.h5"), "--quiet"])
        #expect(run.status == 1)
        #expect(run.output.hasPrefix("largest difference "))
        #expect(run.errors.isEmpty)
    }

    @Test func modelsWithOtherInputsCannotBeCompared() throws {
        let run = try FerryProcess(
            ["verify", Fixture.demo, Fixture.path("keras2/inputs_and_outputs/model.h5"), "--quiet"])
        let other = Fixture.path("keras2/inputs_and_outputs/model.h5")
        #expect(run.errors == "\(Fixture.demo): has 1 input; expected 2, as \(other) has\n")
        #expect(run.status == 65)
    }
}
