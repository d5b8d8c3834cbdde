import Ferry
import Foundation
import OrderedCollections
import Testing

/// One run of the built `ferry`.
struct FerryProcess {
    let status: Int32
    let output: String
    let errors: String

    /// Runs `ferry` with `arguments` in `folder` and waits for its end.
    init(_ arguments: [String], in folder: Folder? = nil) throws {
        let process = Process()
        process.executableURL = try Self.executable()
        process.arguments = arguments
        process.currentDirectoryURL = folder?.url
        // Files and not pipes, which block a process that nobody reads from.
        let scratch = try Folder()
        let paths = (output: scratch["stdout"], errors: scratch["stderr"])
        for path in [paths.output, paths.errors] { try Data().write(to: URL(fileURLWithPath: path)) }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle(forWritingAtPath: paths.output)
        process.standardError = FileHandle(forWritingAtPath: paths.errors)
        try process.run()
        process.waitUntilExit()
        status = process.terminationStatus
        output = try String(contentsOfFile: paths.output, encoding: .utf8)
        errors = try String(contentsOfFile: paths.errors, encoding: .utf8)
    }

    /// The executable beside the test bundle.
    private static func executable() throws -> URL {
        let arguments = CommandLine.arguments
        let bundle = arguments.firstIndex(of: "--test-bundle-path").map { arguments[$0 + 1] } ?? arguments[0]
        var folder = URL(fileURLWithPath: bundle).deletingLastPathComponent()
        while folder.path.count > 1 {
            let candidate = folder.appendingPathComponent("ferry")
            if FileManager.default.isExecutableFile(atPath: candidate.path) { return candidate }
            folder.deleteLastPathComponent()
        }
        throw FerryError(.file, at: [bundle], found: "no executable 'ferry' beside the tests")
    }
}

/// An empty folder that goes with its owner.
final class Folder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("ferry-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// The path of a file in it.
    subscript(name: String) -> String { url.appendingPathComponent(name).path }

    /// The names of all that is in it.
    var names: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: url.path).sorted() } }
}

/// The recorded models.
enum Fixture {
    /// A path in the folder of fixtures.
    static func path(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("fixtures/\(name)").path
    }

    /// The tutorial's model: three numbers in, one out.
    static let demo = path("demo/model.h5")
}

/// The recorded inputs and outputs of one case.
struct Recording {
    let inputs: [Tensor]
    let outputs: [Tensor]
    let nextOutputs: [Tensor]

    init(_ name: String) throws {
        let members = try NPZFile.read(Fixture.path("\(name)/io.npz"))
        func all(_ prefix: String) -> [Tensor] { (0..<members.count).compactMap { members["\(prefix)_\($0)"] } }
        inputs = all("in")
        outputs = all("out")
        nextOutputs = all("next_out")
    }
}
