import FerryEngine

/// What no HDF5 file may hold, whoever reads it.
enum HDF5Refusal {
    /// Two members under one name.
    static let repeated = FerryError(.damagedFile, found: "a second member has this name")

    /// A link that does not lead to an object of its own.
    static func link(_ found: String) -> FerryError {
        FerryError(
            .unsupported, found: found, expected: "Ferry reads only what the file holds under its own name",
            remedy: "copy the target to this place")
    }
}

extension String {
    /// The path of a member of the group at this path.
    func appending(member name: String) -> String { isEmpty ? name : "\(self)/\(name)" }

    /// The path without its middle, where only a group that contains itself can have made it.
    var shortened: String {
        let parts = split(separator: "/")
        guard parts.count > 16 else { return self }
        return "\(parts.prefix(3).joined(separator: "/"))/…/\(parts[parts.count - 1])"
    }
}
