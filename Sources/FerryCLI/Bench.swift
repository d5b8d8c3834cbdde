import ArgumentParser
import Ferry

/// `ferry bench MODEL`.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures how long one call of a model takes.",
        discussion: """
            Example:
              ferry bench model.h5
              ferry bench model.onnx --shape x=1,100,64 --runs 1000
              ferry bench model.h5 --stream --json

            Free axes are 1 for the batch and 100 for time unless --shape says more.
            """)

    @Argument(help: "The model; its bytes decide the format.", completion: .file())
    var model: String

    @Option(help: .init("The shape of an input: once for each.", valueName: "name=1,100,64"))
    var shape: [ShapeOption] = []

    @Option(help: .init("How many threads may work on one call.", valueName: "count"))
    var threads = 1

    @Option(help: .init("The bits of the weights: float32, bf16 or int8.", valueName: "type"))
    var weights = WeightOption.float32

    @Flag(help: "Measure one time step of a stream that remembers its state.")
    var stream = false

    @Option(help: .init("How many calls to measure; as many as three seconds allow if left out.", valueName: "count"))
    var runs: Int?

    @Flag(help: "Print the same numbers as JSON.")
    var json = false

    @Option(
        help: .init("A file with the architecture for a model that holds only weights.", valueName: "file"),
        completion: .file())
    var architecture: String?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard threads > 0 else { throw ValidationError("--threads is \(threads), but at least 1 is needed") }
        guard runs ?? 1 > 0 else { throw ValidationError("--runs is \(runs ?? 0), but at least 1 is needed") }
    }

    func run() throws {
        let model = try Model(contentsOf: self.model, options: ReadOptions(architecture: architecture))
        common.console.notes(model.metadata.notes)
        let report = try locating(self.model.lastPathComponent) { try measure(model) }
        print(json ? report.json.encoded(indent: 2) : report.text)
    }

    private func measure(_ model: Model) throws -> BenchReport {
        let generator = RandomInputs(for: model)
        var random = RandomSource(seed: 0)
        let shapes = try ShapeOption.apply(shape, to: generator.shapes(batch: 1, length: 100), of: model)
        let inputs = try generator.tensors(shapes, using: &random)
        let session = try InferenceSession(model, threads: threads, weights: weights.precision)
        let measurement =
            if stream {
                try measureStream(session, inputs)
            } else {
                try Measurement(count: runs) { _ = try session.predict(inputs) }
            }
        return BenchReport(
            file: self.model.lastPathComponent, shapes: zip(model.inputs, shapes).map { ($0.name, $1) },
            isStream: stream, threads: threads, measurement)
    }

    private func measureStream(_ session: InferenceSession, _ inputs: [Tensor]) throws -> Measurement {
        var stream = try session.stream()
        let steps = inputs[0].shape.count > 1 ? inputs[0].shape[1] : 0
        guard steps > 0 else {
            throw FerryError(.shape, found: "an input of shape \(inputs[0].shape)", expected: "[batch, time, …]")
        }
        let frames = (0..<steps).map { step in
            inputs[0].sliced(axis: 1, from: step, count: 1)
                .reshaped(Array(inputs[0].shape.prefix(1) + inputs[0].shape.dropFirst(2)))
        }
        var next = 0
        return try Measurement(count: runs) {
            _ = try stream.step(frames[next])
            next = (next + 1) % steps
        }
    }
}
