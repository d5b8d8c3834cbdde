import FerryEngine
import FerryInterchange
import FerryRuntime
import FerryTestSupport
import OrderedCollections
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The gradients of every model of `fixtures/keras3` are those that Keras recorded in `fixtures/training/gradients`.
struct GradientTests {
    /// Fixtures with something in them that training refuses, and what it says.
    static let untrainable: [String: String] = [
        "dense_activations": "the activation sparsemax", "operators": "layer 'multiply' (Arithmetic): no gradient",
        "ops": "layer 'square' (Arithmetic): no gradient",
    ]

    static let fixtures = Fixture.all(in: "keras3").filter { fixture in
        fixture.path.hasSuffix(".keras") && (try? recorded(fixture)) != nil
    }

    static func recorded(_ fixture: Fixture) throws -> OrderedDictionary<String, Tensor> {
        try NPZFile.read("\(Fixture.root)/fixtures/training/gradients/\(fixture.caseName).npz")
    }

    @Test(arguments: fixtures)
    func areThoseOfKeras(_ fixture: Fixture) throws {
        let model = try Model(contentsOf: fixture.path)
        let recorded = try Self.recorded(fixture)
        let inputs = try fixture.recorded("in").enumerated().map {
            try $1.losslesslyCast(to: model.inputs[$0].type.dtype)
        }
        if let reason = Self.untrainable[fixture.caseName] {
            do {
                _ = try model.graph.gradients(inputs, model.parameters) { $0.map { _ in nil } }
                Issue.record("\(fixture.name): \(reason) does not stop it any more")
            } catch let error as FerryError {
                #expect(error.description.contains(reason), "\(fixture.name): \(error)")
            }
            return
        }
        let isTraining = recorded["training"]?.ints.first == 1
        let (_, gradients) = try model.graph.gradients(inputs, model.parameters, isTraining: isTraining) { outputs in
            outputs.map { $0.dtype.isFloat ? cotangent($0) : nil }
        }
        let regularized = try model.regularizerGradients()
        var compared = 0
        for i in 0... {
            guard let weight = recorded["w_\(i)"], let expected = recorded["g_\(i)"] else {
                if i > 60 { break }
                continue
            }
            let name = try #require(
                model.parameters.names.first { model.parameters[$0]?.floats == weight.floats },
                "\(fixture.name): no parameter has the values of w_\(i)")
            let found = try #require(gradients.parameters[name], "\(fixture.name): no gradient of \(name)")
            let sum = regularized[name].map { found + $0 } ?? found
            expectClose(sum, expected.reshaped(sum.shape), within: .relative(2e-5), "\(fixture.name) \(name)")
            compared += 1
        }
        for (i, gradient) in gradients.inputs.enumerated() {
            guard let expected = recorded["dx_\(i)"] else { continue }
            let found = try #require(gradient, "\(fixture.name): no gradient of input \(i)")
            expectClose(found, expected, within: .relative(2e-5), "\(fixture.name) input \(i)")
            compared += 1
        }
        #expect(compared > 0)
    }

    /// sin(0.7 i + 0.3), i the place of an element.
    private func cotangent(_ y: Tensor) -> Tensor {
        Tensor((0..<y.count).map { Float(sin(0.7 * Double($0) + 0.3)) }, shape: y.shape)
    }
}
