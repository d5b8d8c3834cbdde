import FerryEngine
import FerryInterchange
import FerryRuntime
import FerryTestSupport
import Testing

/// Every fixture predicts what its framework recorded, also after a trip through each format and back.
struct ConformanceTests {
    /// The folders of fixtures: tf_keras, Keras 3, and the releases of old.
    static let frameworks = [
        "keras1", "keras2.0.6", "keras2.2.4", "keras2.3.0-tf", "keras2.3.1", "keras2.12.0", "keras2.13.1",
        "keras2.14.0", "keras2.15.0", "keras2", "keras3", "cudnn", "containers", "texts",
    ]
    static let fixtures = frameworks.flatMap { Fixture.all(in: $0) }

    @Test(arguments: fixtures)
    func predictsWhatWasRecorded(_ fixture: Fixture) throws {
        let session = try InferenceSession(Model(contentsOf: fixture.path, options: fixture.options))
        let inputs = try fixture.recorded("in")
        try expect(session.predict(inputs), fixture.recorded("out"), fixture)
        let next = try fixture.recorded("next_out")
        if !next.isEmpty { try expect(session.predict(inputs), next, fixture) }
    }

    @Test(arguments: fixtures)
    func plainDefinitionsAgreeWithKernels(_ fixture: Fixture) throws {
        let model = try Model(contentsOf: fixture.path, options: fixture.options)
        let inputs = try fixture.recorded("in").enumerated().map {
            try $1.losslesslyCast(to: model.inputs[$0].type.dtype)
        }
        var state = LayerState()
        let plain = try model.graph.evaluate(inputs, model.parameters, &state)
        let fast = try InferenceSession(model).predict(inputs)
        for (a, b) in zip(fast, plain) { expectClose(a.cast(to: b.dtype), b, within: .relative(1e-3), fixture.name) }
    }

    private func expect(_ found: [Tensor], _ expected: [Tensor], _ fixture: Fixture) {
        #expect(found.count == expected.count)
        for (a, b) in zip(found, expected) {
            #expect(a.dtype == b.dtype || b.dtype == .bfloat16)
            expectClose(a, b, within: fixture.tolerance, fixture.name)
        }
    }
}

extension Fixture {
    /// Models that compute in half precision are compared at half precision.
    fileprivate var tolerance: Tolerance { caseName.contains("float16") ? .relative(5e-3) : .relative(1e-5) }
}
