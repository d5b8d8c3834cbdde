import ArgumentParser
import Ferry

/// How the command ends where it fails.
enum Failure {
    /// Prints `error` as one line to standard error and ends with its exit status; help goes to standard output.
    static func exit(with error: any Error) -> Never {
        switch error {
        case let error as FerryError:
            Console.complain(error.description)
            FerryCommand.exit(withError: status(of: error.code))
        case let status as ExitCode:
            FerryCommand.exit(withError: status)
        default:
            exit(withParserError: error)
        }
    }

    private static func exit(withParserError error: any Error) -> Never {
        var message = FerryCommand.message(for: error)
        if message.hasSuffix(".") { message.removeLast() }
        switch FerryCommand.exitCode(for: error) {
        case .success:
            FerryCommand.exit(withError: error)
        case .validationFailure:
            Console.complain("\(commandName): \(message); see '\(commandName) --help'")
            FerryCommand.exit(withError: ExitCode.validationFailure)
        default:
            Console.complain("ferry: internal fault: \(message); please report it")
            FerryCommand.exit(withError: ExitCode(70))
        }
    }

    private static func status(of code: FerryError.Code) -> ExitCode {
        switch code {
        case .usage, .unknownFormat: .validationFailure
        case .verification, .output: ExitCode(70)
        default: ExitCode(65)
        }
    }

    /// `ferry convert`, as far as the words typed say so.
    private static var commandName: String {
        let names = FerryCommand.configuration.subcommands.map { "\($0)".lowercased() }
        guard let word = CommandLine.arguments.dropFirst().first, names.contains(word) else { return "ferry" }
        return "ferry " + word
    }
}

extension FerryError.Code {
    /// Arguments that do not fit each other or the model.
    static let usage = Self("usage")
    /// Results that could not be printed.
    static let output = Self("output")
}
