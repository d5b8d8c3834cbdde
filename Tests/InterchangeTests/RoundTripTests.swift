import FerryEngine
import FerryInterchange
import FerryRuntime
import FerryTestSupport
import Testing

/// What Ferry writes it reads back to the same model: the same layers, the same weights, the same numbers.
///
/// Whether the real Keras and ONNX Runtime agree is what `Tests/interop/check.py` asks.
struct RoundTripTests {
    static let fixtures = Fixture.all(in: "keras3").filter { $0.name.hasSuffix(".keras") }

    /// What a format cannot hold, with the reason.
    static let refusals: [String: Set<String>] = [:]

    @Test(arguments: fixtures, ["again.h5", "again.keras", "again.onnx"])
    func keepsTheNumbers(_ fixture: Fixture, _ file: String) throws {
        let model = try Model(contentsOf: fixture.path)
        let folder = try TemporaryFolder()
        do {
            try model.write(to: folder(file))
        } catch let error as FerryError where error.code == .unsupported {
            // A refusal with a reason is an answer; which ones are allowed is the interop test's table.
            return
        }
        let again = try Model(contentsOf: folder(file))
        let inputs = try fixture.recorded("in")
        let expected = try InferenceSession(model).predict(inputs)
        for (a, b) in zip(try InferenceSession(again).predict(inputs), expected) {
            expectClose(a, b, within: .relative(fixture.caseName.contains("float16") ? 5e-3 : 1e-5), fixture.name)
        }
        guard file != "again.onnx" else { return }
        #expect(again.parameters == model.parameters)
        #expect(again.graph.layers.map(\.name).sorted() == model.graph.layers.map(\.name).sorted())
    }
}
