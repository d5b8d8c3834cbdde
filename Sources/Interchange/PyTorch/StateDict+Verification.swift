import FerryEngine

extension StateDict {
    /// Writes the tensors, reads them back and compares; only a faithful copy replaces the file at `path`.
    ///
    /// - Returns: what the user should know about what was written.
    /// - Throws: ``FerryError/Code/verification`` where the copy differs in a bit.
    package func writeVerified(to path: String, options: WriteOptions) throws -> [String] {
        var options = options
        options.format = try FormatCatalogue.format(for: path, options).name
        var notes: [String] = []
        try AtomicFile.write(to: path) { temporary in
            notes = try write(to: temporary, options: options)
            let copy = try StateDict(contentsOf: temporary)
            guard copy.tensors == tensors else {
                throw FerryError(
                    .verification, at: [path.lastPathComponent], found: "what was written is not the same",
                    remedy: "nothing was kept; please report this, or pass --no-verify")
            }
        }
        return notes
    }
}
