import Testing

@Suite struct HelpTests {
    @Test(arguments: ["inspect", "convert", "predict", "verify", "bench"])
    func everyCommandShowsAnExample(command: String) throws {
        let run = try FerryProcess([command, "--help"])
        #expect(run.status == 0)
        #expect(run.errors.isEmpty)
        #expect(run.output.contains("Example:\n  ferry \(command) "))
        #expect(run.output.contains("USAGE: ferry \(command) "))
        #expect(run.output.contains("--quiet"))
    }

    @Test(arguments: [[], ["--help"], ["help"]]) func theCommandItselfShowsExamples(arguments: [String]) throws {
        let run = try FerryProcess(arguments)
        #expect(run.status == 0)
        #expect(run.output.contains("Example:\n  ferry inspect model.h5"))
        for command in ["inspect", "convert", "predict", "verify", "bench"] {
            #expect(run.output.contains("  \(command) "))
        }
    }
}
