import ArgumentParser
import Ferry

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What every command accepts.
struct CommonOptions: ParsableArguments {
    @Flag(name: .long, help: "Print no notes.")
    var quiet = false

    /// Where this run's words go.
    var console: Console { Console(isQuiet: quiet) }
}

/// Standard error for all that is no result; results are printed.
struct Console {
    /// Whether notes are left out.
    let isQuiet: Bool

    /// Tells the user something worth knowing.
    func note(_ text: String) {
        if !isQuiet { Self.complain("note: \(text)") }
    }

    /// Tells the user several things.
    func notes(_ texts: [String]) {
        for text in texts { note(text) }
    }

    /// Prints one line to standard error.
    static func complain(_ text: String) {
        var bytes = Array((text.printable + "\n").utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }

    /// Makes a file that outgrows the limit of this process an error of the write and not the end of the process.
    static func ignoreFullQuota() { signal(SIGXFSZ, SIG_IGN) }

    /// Makes sure that the results have arrived.
    static func flush() throws {
        guard fflush(nil) == 0 else {
            throw FerryError(.output, at: ["standard output"], found: String(cString: strerror(errno)))
        }
    }
}
