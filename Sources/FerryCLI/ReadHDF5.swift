import ArgumentParser
import Ferry

/// What `ferry` does where it reads a file with libhdf5 for another process; not for people.
struct ReadHDF5: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: HDF5Helper.command, abstract: "Reads standard input with libhdf5, for Ferry itself.",
        shouldDisplay: false)

    func run() throws { try HDF5Helper.answer() }
}
