import FerryInterchange
import FerryTestSupport
import OrderedCollections
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// ONNX's own node tests pass, but for those that the manifest names with a reason each.
///
/// `FERRY_UPDATE_ONNX_NODE=1 swift test --filter ONNXNodeTests` writes the manifest anew; the reasons are then what
/// Ferry says.
struct ONNXNodeTests {
    @Test func theManifestNamesEveryCase() throws {
        if getenv("FERRY_UPDATE_ONNX_NODE") != nil {
            try AtomicFile.write(Array(Manifest.recorded().text.utf8), to: Manifest.path)
        }
        let manifest = try Manifest.read()
        #expect(Set(manifest.passing + manifest.missing.keys) == Set(ONNXNodeCase.all.keys))
        #expect(manifest.missing.values.allSatisfy { !$0.isEmpty })
        #expect(manifest.passing.count >= 1300)
    }

    @Test(arguments: try Manifest.read().passing)
    func computesWhatTheStandardSays(_ name: String) throws {
        let failure = try #require(ONNXNodeCase.all[name]).failure()
        #expect(failure == nil)
    }
}

/// `fixtures/onnx-node/manifest.txt`: a case a line; behind a colon the reason where it does not pass.
private struct Manifest {
    static let path = "\(Fixture.root)/fixtures/onnx-node/manifest.txt"
    var passing: [String] = []
    var missing: [String: String] = [:]

    static func read() throws -> Manifest {
        var manifest = Manifest()
        for line in String(decoding: try FileBytes.read(path), as: UTF8.self).split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else {
                manifest.passing.append(String(line))
                continue
            }
            manifest.missing[String(line[..<colon])] = String(line[colon...].dropFirst(2))
        }
        return manifest
    }

    static func recorded() -> Manifest {
        var manifest = Manifest()
        for (name, testCase) in ONNXNodeCase.all {
            if let failure = testCase.failure() {
                manifest.missing[name] = failure.split(separator: "\n").joined(separator: " ")
            } else {
                manifest.passing.append(name)
            }
        }
        return manifest
    }

    var text: String {
        let lines = passing + missing.map { "\($0): \($1)" }
        return lines.sorted().joined(separator: "\n") + "\n"
    }
}
