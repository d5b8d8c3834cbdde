#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A running child, killed and waited for when its owner goes.
struct ChildProcess: ~Copyable {
    enum Ending {
        case status(Int32)
        case signal(Int32)
        case timeout
    }

    private let identifier: pid_t

    /// Starts `executable` with no environment and no open files but these.
    init(
        _ executable: String, _ arguments: [String], input: borrowing OpenFile, output: borrowing OpenFile,
        errors: borrowing OpenFile
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (own, childs) in [(input.descriptor, 0), (output.descriptor, 1), (errors.descriptor, 2)] {
            posix_spawn_file_actions_adddup2(&actions, own, Int32(childs))
        }
        var words: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        var identifier: pid_t = 0
        let number = posix_spawn(&identifier, executable, &actions, nil, &words, &environment)
        guard number == 0 else { throw SystemFailure(number: number) }
        self.identifier = identifier
    }

    /// Waits for the end; a child that takes longer is killed.
    consuming func wait(seconds: Int) throws -> Ending {
        let identifier = identifier
        discard self
        var status: Int32 = 0
        let clock = ContinuousClock()
        let end = clock.now + .seconds(seconds)
        while true {
            let result = waitpid(identifier, &status, WNOHANG)
            if result == identifier { break }
            guard result == 0 || errno == EINTR else { throw SystemFailure.last }
            guard clock.now < end else {
                kill(identifier, SIGKILL)
                waitpid(identifier, &status, 0)
                return .timeout
            }
            usleep(500)
        }
        let signal = status & 0x7F
        return signal == 0 ? .status(status >> 8 & 0xFF) : .signal(signal)
    }

    deinit {
        kill(identifier, SIGKILL)
        waitpid(identifier, nil, 0)
    }
}

/// An open file without a name, gone when it is closed.
struct ScratchFile: ~Copyable {
    let file: OpenFile

    init() throws {
        let folder = getenv("TMPDIR").map { String(cString: $0) } ?? P_tmpdir
        let path = folder + "/.ferry-" + String(UInt64.random(in: .min ... .max), radix: 36)
        file = try OpenFile(path, O_RDWR | O_CREAT | O_EXCL, mode: 0o600)
        unlink(path)
    }
}
