import ArgumentParser
import Ferry

/// A format to write, as `--to` names it.
struct FormatName: ExpressibleByArgument {
    /// The name that ``WriteOptions`` takes.
    let name: String

    init?(argument: String) {
        guard Self.allValueStrings.contains(argument) else { return nil }
        name = argument
    }

    static var allValueStrings: [String] { FormatCatalogue.all.map { $0.name } }
}

/// A major version of Keras that shall read what is written.
enum KerasMajor: Int, ExpressibleByArgument, CaseIterable {
    case keras2 = 2
    case keras3 = 3
}
