import FerryEngine
import FerryInterchange
import FerryRuntime
import FerryTestSupport
import Testing

/// A caller's Swift operators stand in for Python functions and classes.
struct CustomLayerTests {
    static let lambdas = Fixture.all(in: "custom").filter { $0.caseName == "lambda" }
    static let classes = Fixture.all(in: "custom").filter { $0.caseName == "own_class" }

    private func expectRecorded(_ fixture: Fixture, _ custom: [String: CustomLayer]) throws {
        let model = try Model(contentsOf: fixture.path, options: ReadOptions(custom: custom))
        let found = try InferenceSession(model).predict(fixture.recorded("in"))
        for (a, b) in zip(found, try fixture.recorded("out")) {
            expectClose(a, b, within: .relative(1e-5), fixture.name)
        }
    }

    @Test(arguments: lambdas, ["lambda", "Lambda"])
    func standsInByNameOrClass(_ fixture: Fixture, _ key: String) throws {
        try expectRecorded(fixture, [key: CustomLayer(TwiceTheLast())])
    }

    @Test(arguments: classes)
    func isMadeOfSettingsAndGivenWeights(_ fixture: Fixture) throws {
        try expectRecorded(
            fixture, ["Scaled": CustomLayer { settings in Scaled(power: settings["power"]?.intValue ?? 1) }])
    }

    @Test(arguments: classes)
    func aNameGoesBeforeAClass(_ fixture: Fixture) throws {
        try expectRecorded(fixture, ["Scaled": CustomLayer(Scaled(power: 2)), "cube": CustomLayer(Scaled(power: 3))])
    }

    @Test func withoutOneTheLayersAreNamed() {
        let text = sentence { _ = try Model(contentsOf: Self.classes[0].path) }
        #expect(
            text
                == "model.h5: 2 layers that Ferry does not know: 'scaled' (Scaled), 'cube' (Scaled); rebuild them from the layers in docs/Operators.md, or give Swift operators in their place (ReadOptions.custom)"
        )
    }
}

/// Twice the last time step.
private struct TwiceTheLast: Operator {
    static let kind = "TwiceTheLast"

    func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        [ValueType(.float32, [inputs[0].shape[0], inputs[0].shape[2]])]
    }

    func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor
        let last = x.sliced(axis: 1, from: x.shape[1] - 1, count: 1).reshaped([x.shape[0], x.shape[2]])
        return [Signal(last + last)]
    }
}

/// factor · xᵖ + offset, with a factor and an offset for each feature.
private struct Scaled: Operator {
    static let kind = "Scaled"
    let power: Int

    func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] { [inputs[0]] }

    func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        let features = inputs[0].shape.last?.length ?? 0
        return [ParameterSpec("factor", [features]), ParameterSpec("offset", [features])]
    }

    func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor
        let raised = (1..<power).reduce(x) { product, _ in product * x }
        return [Signal(raised * (try parameters.required("factor")) + (try parameters.required("offset")))]
    }
}
