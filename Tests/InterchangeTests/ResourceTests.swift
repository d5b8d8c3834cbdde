import FerryEngine
import FerryInterchange
import FerryRuntime
import FerryTestSupport
import Foundation
import Testing

/// What is opened is closed, what is taken is given back, and what is shared stays right.
@Suite(.serialized) struct ResourceTests {
    private static let models = ["demo/model.h5", "keras3/lstm/model.keras", "keras3-onnx/autoencoder/model.onnx"].map {
        "\(Fixture.root)/fixtures/\($0)"
    }

    private static let isAlone = ProcessInfo.processInfo.environment["FERRY_ALONE"] != nil

    @Test(.enabled(if: isAlone, "what other tests take would be counted: run make leaks"), arguments: models)
    func aThousandModelsLeaveNothingBehind(path: String) throws {
        for _ in 0..<100 { try use(path) }
        let (memory, files) = (residentBytes(), openFiles())
        for _ in 0..<1000 { try use(path) }
        #expect(openFiles() <= files)
        #expect(residentBytes() - memory < 8 << 20)
    }

    /// Damaged files and those of the child process, whose pipes and files are closed, too.
    @Test(
        .enabled(if: isAlone, "files that other tests have open would be counted: run make leaks"),
        arguments: ["library_only", "truncated", "cycle", "external_link"]) func refusedFilesAreClosed(name: String)
        throws
    {
        let path = "\(Fixture.root)/fixtures/hdf5/\(name).h5"
        _ = try? HDF5Group(contentsOf: path)
        let files = openFiles()
        for _ in 0..<20 { _ = try? HDF5Group(contentsOf: path) }
        #expect(openFiles() == files)
    }

    @Test(arguments: ["lstm", "gru_masked", "bidirectional"]) func aSessionServesManyThreads(name: String) async throws
    {
        let path = "\(Fixture.root)/fixtures/keras3/\(name)/model.keras"
        guard FileManager.default.fileExists(atPath: path) else { return }
        let model = try Model(contentsOf: path)
        let session = try InferenceSession(model)
        var random = RandomSource(seed: 1)
        let inputs = RandomInputs(for: model)
        let samples = try (0..<64).map {
            try inputs.tensors(inputs.shapes(batch: 1 + $0 % 3, length: 5 + $0 % 7), using: &random)
        }
        let expected = try samples.map { try session.predict($0) }
        try await withThrowingTaskGroup(of: (Int, [Tensor]).self) { group in
            for (index, sample) in samples.enumerated() { group.addTask { (index, try session.predict(sample)) } }
            for try await (index, outputs) in group { #expect(outputs == expected[index]) }
        }
    }

    private func use(_ path: String) throws {
        let model = try Model(contentsOf: path)
        let session = try InferenceSession(model)
        if let inputs = try RandomInputs(for: model).samples(seed: 1).first { _ = try session.predict(inputs) }
    }

    private func openFiles() -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
    }

    private func residentBytes() -> Int {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4096
    }
}
