public import FerryEngine
package import FerryRuntime

extension Model {
    /// Writes the model, reads it back and compares; only a faithful copy replaces the file at `path`.
    ///
    /// - Parameters:
    ///   - source: what error sentences call this model.
    ///   - path: where the file will be.
    ///   - options: choices of the writer.
    ///   - rereading: how the copy is read.
    /// A copy may differ by more than ``Tolerance/conversion`` where the model itself does, once its parameters are
    /// rounded: a chaotic model makes much of the last bit.
    ///
    /// - Returns: notes for the user, and the difference of each run.
    /// - Throws: ``FerryError`` from the writer, or ``FerryError/Code/verification`` where the copy is not faithful.
    package func writeVerified(
        as source: String, to path: String, options: WriteOptions, rereading: ReadOptions
    ) throws -> (notes: [String], differences: [Difference]) {
        var options = options
        options.format = try FormatCatalogue.format(for: path, options).name
        var notes: [String] = []
        var differences: [Difference] = []
        try AtomicFile.write(to: path) { temporary in
            let (written, asked) = (temporary.lastPathComponent, path.lastPathComponent)
            do {
                notes = try write(to: temporary, options: options)
                differences = try withArchitecture(for: temporary, options, rereading) { rereading in
                    try verify(temporary, against: source, rereading, &notes)
                }
            } catch let error as FerryError where error.place.first == written {
                throw error.located(insteadOf: asked)
            }
        }
        return (notes, differences)
    }

    /// Weights without an architecture fit the one that the same writer writes, which need not be that of the source.
    private func withArchitecture<Result>(
        for path: String, _ options: WriteOptions, _ rereading: ReadOptions, _ body: (ReadOptions) throws -> Result
    ) throws -> Result {
        guard options.format == KerasWeightsFormat.name else { return try body(rereading) }
        var (options, rereading) = (options, rereading)
        options.format = KerasArchiveFormat.name
        return try AtomicFile.discarding(beside: path) { archive in
            try write(to: archive, options: options)
            rereading.architecture = archive
            return try body(rereading)
        }
    }

    private func verify(
        _ path: String, against source: String, _ options: ReadOptions, _ notes: inout [String]
    ) throws -> [Difference] {
        let name = path.lastPathComponent
        let differences: [Difference]
        do {
            let copy = try Model(contentsOf: path, options: options)
            differences = try Verification.compare(copy, self, names: (name, source))
        } catch let error as FerryError where error.place.first == name {
            // What a model asks for beyond RunLimits is no fault of the writer.
            guard error.code != .range else { throw error }
            let reason = error.located(insteadOf: nil)
            throw FerryError.unfaithful(name, "what was written cannot be used: \(reason)", "expected a whole model")
        }
        if differences.areWithin(.conversion) { return differences }
        let rounding = try roundingDifference(named: source)
        guard differences.areWithin(.relative(min(Self.roundingsAllowed * rounding, Self.mostRounding))) else {
            throw FerryError.unfaithful(
                name, "what was written differs from \(source): \(differences.summary)", "expected at most 1e-05")
        }
        notes.append(
            "\(source) makes a difference of \(rounding.scientific) of a rounding of its own weights, so the copy differs "
                + "by more than 1e-05")
        return differences
    }

    private static var roundingsAllowed: Double { 10 }
    private static var mostRounding: Double { 0.01 }

    /// By how much the outputs change where every parameter is rounded once more.
    private func roundingDifference(named name: String) throws -> Double {
        let rounded = parameters.mapTensors { tensor in
            guard tensor.dtype == .float32 else { return tensor }
            var tensor = tensor
            tensor.withUnsafeMutableElements { (elements: UnsafeMutableBufferPointer<Float>) in
                for i in elements.indices { elements[i] = elements[i] * 1.2 / 1.2 }
            }
            return tensor
        }
        let twin = try Model(name: self.name, graph: graph, parameters: rounded, metadata: metadata)
        return try Verification.compare(twin, self, names: (name, name)).worst?.relative ?? 0
    }
}

extension FerryError.Code {
    /// Something Ferry wrote that is not what it should be.
    public static let verification = Self("verification")
}

extension FerryError {
    fileprivate static func unfaithful(_ name: String, _ found: String, _ expected: String) -> FerryError {
        FerryError(
            .verification, at: [name], found: found, expected: expected,
            remedy: "nothing was kept; please report this, or pass --no-verify")
    }

    /// The same error with another outermost place, or without it.
    fileprivate func located(insteadOf outer: String?) -> FerryError {
        let place = (outer.map { [$0] } ?? []) + self.place.dropFirst()
        return FerryError(code, at: place, found: found, expected: expected, remedy: remedy)
    }
}
