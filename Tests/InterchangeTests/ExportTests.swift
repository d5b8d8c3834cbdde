import FerryEngine
import FerryInterchange
import FerryRuntime
import FerryTestSupport
import Testing

/// What the exporters of TensorFlow, Keras 3 and PyTorch write runs, and is made of layers again.
struct ExportTests {
    static let fixtures = ["tf2onnx", "keras3-onnx", "torch-onnx"].flatMap { Fixture.all(in: $0) }

    /// Exports that hold more than layers, with the reason.
    static let notOnlyLayers: [String: String] = [:]

    @Test(arguments: fixtures)
    func predictsWhatWasRecorded(_ fixture: Fixture) throws {
        let session = try InferenceSession(Model(contentsOf: fixture.path))
        let expected = try fixture.recorded("out")
        let found = try session.predict(fixture.recorded("in"))
        #expect(found.count == expected.count)
        for (a, b) in zip(found, expected) { expectClose(a, b, within: .relative(1e-5), fixture.name) }
    }

    @Test(arguments: fixtures.filter { !$0.name.hasPrefix("torch") })
    func isMadeOfLayersAgain(_ fixture: Fixture) throws {
        let model = try Model(contentsOf: fixture.path)
        let others = model.graph.layers.filter { !($0.operation is any KerasLayer) }.map(\.operation.kind)
        let isExpected = Self.notOnlyLayers["\(fixture.name.split(separator: "/")[0])/\(fixture.caseName)"] != nil
        #expect(others.isEmpty != isExpected, "\(fixture.name): \(others)")
    }
}
