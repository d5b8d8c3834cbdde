import Foundation
import Testing

@Suite struct UsageTests {
    @Test(arguments: [
        (["convert"], "ferry convert: Missing expected argument '<input>'; see 'ferry convert --help'"),
        (["inspect", "a", "b"], "ferry inspect: Unexpected argument 'b'; see 'ferry inspect --help'"),
        (
            ["predict", "m.h5", "-o", "y.npy"],
            "ferry predict: Missing expected argument '--input <[name=]file> ...'; see 'ferry predict --help'"
        ),
        (["nonsense"], "ferry: Unexpected argument 'nonsense'; see 'ferry --help'"),
        (
            ["convert", "a", "b", "--keras", "4"],
            "ferry convert: The value '4' is invalid for '--keras <version>'. Please provide one of '2' and '3'; "
                + "see 'ferry convert --help'"
        ),
        (
            ["bench", "m.h5", "--runs", "0"],
            "ferry bench: --runs is 0, but at least 1 is needed; see 'ferry bench --help'"
        ),
        (
            ["predict", "m.h5", "-i", "x.npy", "-o", "y.txt"],
            "y.txt: the ending names no kind of array file; expected .npy, .npz or '-' for JSON"
        ),
        (
            ["predict", Fixture.demo, "-i", "x.txt", "-o", "-"],
            "x.txt: the ending names no kind of array file; expected .npy, .npz or .csv"
        ),
    ])
    func wrongUsageIsOneLineAndStatus64(arguments: [String], sentence: String) throws {
        let run = try FerryProcess(arguments)
        #expect(run.errors == sentence + "\n")
        #expect(run.output.isEmpty)
        #expect(run.status == 64)
    }

    @Test func anUnknownEndingListsTheKnownOnes() throws {
        let run = try FerryProcess(["convert", Fixture.demo, "model.txt"])
        #expect(run.errors.hasPrefix("model.txt: the ending names no format; expected one of "))
        for ending in [".h5", ".keras", ".weights.h5", ".onnx"] { #expect(run.errors.contains(ending)) }
        #expect(run.status == 64)
    }

    @Test(arguments: ["inspect", "bench"]) func aMissingFileIsNamed(command: String) throws {
        let run = try FerryProcess([command, "none.h5"])
        #expect(run.errors == "none.h5: no such file; the path is 'none.h5'\n")
        #expect(run.output.isEmpty)
        #expect(run.status == 65)
    }

    @Test func aMissingInputIsNamed() throws {
        let run = try FerryProcess(["predict", Fixture.demo, "-i", "none.npy", "-o", "-"])
        #expect(run.errors == "none.npy: no such file; the path is 'none.npy'\n")
        #expect(run.status == 65)
    }

    @Test func aFileOfNoFormatIsRefused() throws {
        let folder = try Folder()
        try "no model at all".write(toFile: folder["x.bin"], atomically: true, encoding: .utf8)
        let run = try FerryProcess(["inspect", "x.bin"], in: folder)
        #expect(run.errors.hasPrefix("x.bin: is no model file Ferry reads; expected "))
        #expect(run.errors.contains("Keras HDF5") && run.errors.contains("ONNX"))
        #expect(run.errors.hasSuffix("; check that the file is whole and was saved by one of these\n"))
        #expect(run.output.isEmpty)
        #expect(run.status == 65)
    }

    @Test func anEmptyFileIsCalledEmpty() throws {
        let folder = try Folder()
        try "".write(toFile: folder["x.h5"], atomically: true, encoding: .utf8)
        let run = try FerryProcess(["inspect", "x.h5"], in: folder)
        #expect(run.errors.hasSuffix("; the file is empty: save or download it again\n"))
        #expect(run.status == 65)
    }
}
