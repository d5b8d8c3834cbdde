import Ferry
import FerryTestSupport
import Foundation
import Testing

/// Damaged copies of the fixtures: each is read, made ready and run, or refused by a sentence, and quickly.
///
/// `FERRY_MUTANTS` says how many copies of each file are made; `FERRY_SEED` makes others.
@Suite struct MutationTests {
    private static let count = number("FERRY_MUTANTS") ?? 10
    private static let seed = number("FERRY_SEED") ?? 1
    private static let longest = Duration.seconds(10)

    private static let files: [String] = {
        let folder = Fixture.root + "/fixtures"
        let endings = [".h5", ".keras", ".onnx", ".npy", ".npz", ".safetensors", ".pt", ".pth"]
        let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        // One fixture is a folder named like a file; its members are in the list by themselves.
        return names.filter { name in
            endings.contains { name.hasSuffix($0) } && !FileBytes.isFolder("\(folder)/\(name)")
        }.sorted()
    }()

    @Test(arguments: files) func damagedFilesAreReadOrRefused(name: String) throws {
        let bytes = try FileBytes.read("\(Fixture.root)/fixtures/\(name)")
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ferry-mutants-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        // Where a mutant ends the process, it stays behind in this folder.
        let path = folder.appendingPathComponent(name.lastPathComponent).path
        var mutator = Mutator(seed: Self.seed(for: name))
        for number in 0..<Self.count {
            try Data(mutator.mutant(of: bytes)).write(to: URL(fileURLWithPath: path))
            let time = ContinuousClock().measure {
                #expect(Self.isReadOrRefused(path), "mutant \(number) of \(name) is \(path)")
            }
            #expect(time < Self.longest, "mutant \(number) of \(name) took \(time)")
        }
        try FileManager.default.removeItem(at: folder)
    }

    /// Whether the file runs or its error is one of Ferry's.
    private static func isReadOrRefused(_ path: String) -> Bool {
        do {
            try use(path)
            return true
        } catch { return error is FerryError }
    }

    private static func use(_ path: String) throws {
        if path.hasSuffix(".npy") { return _ = try NPYFile.read(path, void2: .bfloat16) }
        if path.hasSuffix(".npz") { return _ = try NPZFile.read(path) }
        let model = try Model(contentsOf: path)
        let session = try InferenceSession(model)
        if let inputs = try RandomInputs(for: model).samples(seed: 1).first { _ = try session.predict(inputs) }
    }

    /// Swift's own hashes differ from run to run.
    private static func seed(for name: String) -> UInt64 {
        name.utf8.reduce(UInt64(seed)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    private static func number(_ variable: String) -> Int? {
        ProcessInfo.processInfo.environment[variable].flatMap(Int.init)
    }
}
