package import FerryEngine
package import FerryRuntime

/// Tells whether two models compute the same.
package enum Verification {
    /// Runs both models on the same random inputs and gives, for each run, the difference of the worst output.
    ///
    /// Inputs are matched by their order. Where both models are stateful, each batch is run twice, and the second
    /// run goes on from the states of the first. Where only one is and the other has inputs beside its own, these are
    /// taken for its states.
    ///
    /// - Parameters:
    ///   - found: the model in question.
    ///   - expected: the model that it shall equal.
    ///   - names: what error sentences call the two.
    /// - Throws: ``FerryError`` where their inputs or outputs do not match, or one cannot run.
    package static func compare(
        _ found: Model, _ expected: Model, names: (found: String, expected: String), seed: UInt64 = 0
    ) throws -> [Difference] {
        let models = (
            found: try found.exposingStates(asIn: expected), expected: try expected.exposingStates(asIn: found)
        )
        return try RunLimits.$current.withValue(RunLimits.current.forComparison) {
            try differences(models.found, models.expected, names: names, seed: seed)
        }
    }

    private static func differences(
        _ found: Model, _ expected: Model, names: (found: String, expected: String), seed: UInt64
    ) throws -> [Difference] {
        try locating(names.found) { try requireMatch(found, expected, named: names.expected) }
        let sessions = (
            found: try locating(names.found) { try InferenceSession(found) },
            expected: try locating(names.expected) { try InferenceSession(expected) }
        )
        let samples = try locating(names.expected) { try RandomInputs(for: expected, and: found).samples(seed: seed) }
        let calls = found.graph.isStateful && expected.graph.isStateful ? 2 : 1
        return try samples.flatMap { inputs in
            var states = (found: LayerState(), expected: LayerState())
            return try (0..<calls).compactMap { _ in
                let reference = try locating(names.expected) {
                    try sessions.expected.predict(inputs, state: &states.expected)
                }
                let outputs = try locating(names.found) { try sessions.found.predict(inputs, state: &states.found) }
                return zip(outputs, reference).map { Difference($0, $1) }.worst
            }
        }
    }

    private static func requireMatch(_ found: Model, _ expected: Model, named name: String) throws {
        try requireMatch(found.inputs, expected.inputs, "input", named: name)
        try requireMatch(found.outputs, expected.outputs, "output", named: name)
    }

    private static func requireMatch(
        _ found: [(name: String, type: ValueType)], _ expected: [(name: String, type: ValueType)], _ kind: String,
        named name: String
    ) throws {
        guard found.count == expected.count else {
            throw FerryError(
                .shape, found: "has \(found.count) \(kind)\(found.count == 1 ? "" : "s")",
                expected: "expected \(expected.count), as \(name) has")
        }
        for (a, b) in zip(found, expected) {
            let (x, y) = (a.type.shape, b.type.shape)
            guard x.count == y.count, zip(x, y).allSatisfy({ $0.isCompatible(with: $1) }) else {
                throw FerryError(
                    .shape, at: ["\(kind) '\(a.name)'"], found: "\(a.type)",
                    expected: "expected \(b.type), as '\(b.name)' of \(name)")
            }
        }
    }
}

extension Model {
    /// The model with its states as inputs, where `other` keeps no states and has more inputs.
    fileprivate func exposingStates(asIn other: Model) throws -> Model {
        graph.isStateful && !other.graph.isStateful && other.inputs.count > inputs.count ? try exposingStates() : self
    }
}

extension [Difference] {
    /// The largest of them as a share of its scale; nil where there are none.
    package var worst: Difference? { self.max { $0.relative < $1.relative } }

    /// `largest difference 3.0e-08 over 4 runs`, as a share of the scale where that is above 1.
    package var summary: String {
        let runs = count == 1 ? "1 run" : "\(count) runs"
        if let shapes = worst?.shapes { return "an output of shape \(shapes.found) instead of \(shapes.expected)" }
        return "largest difference \((worst?.relative ?? 0).scientific) over \(runs)"
    }

    /// Whether each of them is within `tolerance`.
    package func areWithin(_ tolerance: Tolerance) -> Bool { allSatisfy { $0.isWithin(tolerance) } }
}
