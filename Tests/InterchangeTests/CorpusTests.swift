import FerryEngine
import FerryInterchange
import FerryRuntime
import FerryTestSupport
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Files that people have published, each beside what its own Keras predicted. They belong to their authors and are not
/// part of the repository: the folder is beside the checkout, or where `FERRY_CORPUS` says.
@Suite(.enabled(if: !Corpus.cases.isEmpty, "no published files at \(Corpus.folder); set FERRY_CORPUS"))
struct CorpusTests {
    @Test(arguments: Corpus.cases)
    func predictsWhatItsOwnKerasPredicted(_ name: String) throws {
        let place = "\(Corpus.folder)/keras/\(name)"
        let files = Corpus.names(in: place)
        let file = try #require(files.first { $0.hasPrefix("model.") })
        let architecture = files.contains("config.json") ? "\(place)/config.json" : nil
        let model = try Model(contentsOf: "\(place)/\(file)", options: ReadOptions(architecture: architecture))
        for recording in files where recording.hasPrefix("case_") {
            let session = try InferenceSession(model)
            let inputs = try Corpus.tensors("in", in: "\(place)/\(recording)")
            for prefix in ["out", "next_out"] {
                let expected = try Corpus.tensors(prefix, in: "\(place)/\(recording)")
                guard !expected.isEmpty else { continue }
                let found = try session.predict(inputs)
                #expect(found.count == expected.count)
                for (a, b) in zip(found, expected) {
                    expectClose(a, b, within: .relative(1e-5), "\(name)/\(recording)")
                }
            }
        }
    }
}

/// Where the published files are, and what is there.
private enum Corpus {
    static let folder =
        ProcessInfo.processInfo.environment["FERRY_CORPUS"] ?? Fixture.root.parentFolder + "/shared/corpus"
    static let cases = names(in: "\(folder)/keras")

    static func names(in folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }

    static func tensors(_ prefix: String, in folder: String) throws -> [Tensor] {
        try (0...).lazy.map { "\(folder)/\(prefix)_\($0).npy" }.prefix { FileManager.default.fileExists(atPath: $0) }
            .map { try NPYFile.read($0) }
    }
}
