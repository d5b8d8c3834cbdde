import FerryEngine
import FerryInterchange
import FerryRuntime
import FerryTestSupport
import OrderedCollections
import Testing

/// Training follows the curve that Keras recorded in `fixtures/training/curves`: the loss of every epoch, the metrics
/// and the final weights.
struct TrainingCurveTests {
    static let cases = TrainingFixture.all(in: "curves")

    @Test(arguments: cases)
    func followsKeras(_ fixture: TrainingFixture) throws {
        let run = try fixture.run()
        let model = try Model(contentsOf: fixture.path)
        let trainer = try Trainer(model, #require(try model.trainingConfiguration()))
        var options = FitOptions(
            epochs: run["epochs"]?.ints[0] ?? 0, batchSize: run["batch"]?.ints[0] ?? 0, shuffles: false)
        options.validationShare = run["validation_split"].map { Double($0.floats[0]) } ?? 0
        for (number, weight) in (run["class_weight"]?.floats ?? []).enumerated() {
            options.classWeights[number] = weight
        }
        let history = try trainer.fit(fixture.data(run), options)
        for name in history.epochs[0].values.keys {
            guard let expected = run[name]?.cast(to: .float64).elements(Double.self) else { continue }
            for (epoch, (found, expected)) in zip(history.values(name), expected).enumerated() {
                let difference = abs(found - expected) / max(abs(expected), 1e-3)
                #expect(difference <= 1e-4, "\(fixture.name), epoch \(epoch): \(name) \(found) and not \(expected)")
                if difference > 1e-4 { break }
            }
        }
    }

    /// Ferry goes on with the optimiser's state of a file as Keras did with it in memory.
    @Test(arguments: TrainingFixture.all(in: "continued"))
    func goesOnAsKerasDid(_ fixture: TrainingFixture) throws { try followsKeras(fixture) }
}

/// A model that Keras compiled and how Keras then trained it.
struct TrainingFixture: Sendable, CustomTestStringConvertible {
    let name: String
    let path: String
    var testDescription: String { name }

    /// The cases in a folder of `fixtures/training`.
    static func all(in folder: String) -> [TrainingFixture] {
        let path = "\(Fixture.root)/fixtures/training/\(folder)"
        return Fixture.folders(in: path).map { TrainingFixture(name: $0, path: "\(path)/\($0)/model.keras") }
    }

    /// What Keras recorded.
    func run() throws -> OrderedDictionary<String, Tensor> { try NPZFile.read(path.parentFolder + "/run.npz") }

    /// The data that it recorded.
    func data(_ run: OrderedDictionary<String, Tensor>) -> TrainingData {
        func tensors(_ prefix: String) -> [Tensor] {
            (0...).lazy.map { run["\(prefix)_\($0)"] }.prefix { $0 != nil }.compactMap { $0 }
        }
        return TrainingData(
            inputs: tensors("x"), targets: tensors("y"), sampleWeights: run["w"].map { [$0] } ?? [])
    }
}
