#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Names of files that are not finished: `.ferry-HOST-PROCESS-RANDOM`, so that one whose writer was killed is known.
enum TemporaryName {
    private static let prefix = ".ferry-"
    /// How old a file must be, in seconds, before it counts as abandoned.
    private static let patience = 60

    /// A name that no other file has.
    static func next() -> String {
        "\(prefix)\(host)-\(getpid())-" + String(UInt64.random(in: .min ... .max), radix: 36)
    }

    /// Removes files whose writer, a process of this machine, runs no more.
    static func removeAbandoned(in folder: String) {
        guard let entries = opendir(folder) else { return }
        defer { closedir(entries) }
        while let entry = readdir(entries) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name.hasPrefix(prefix), isAbandoned(name, in: folder) else { continue }
            unlink(folder + "/" + name)
        }
    }

    private static func isAbandoned(_ name: String, in folder: String) -> Bool {
        let parts = name.dropFirst(prefix.count).split(separator: "-")
        guard parts.count == 3, parts[0] == host, let process = pid_t(parts[1]), process > 0 else { return false }
        // A signal that is none only asks whether the process is there.
        guard kill(process, 0) != 0, errno == ESRCH else { return false }
        var status = stat()
        guard lstat(folder + "/" + name, &status) == 0 else { return false }
        return time(nil) - modificationTime(status) > patience
    }

    private static func modificationTime(_ status: stat) -> time_t {
        #if canImport(Darwin)
        status.st_mtimespec.tv_sec
        #else
        status.st_mtim.tv_sec
        #endif
    }

    /// A number for this machine, the same in each process.
    private static let host: String = {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        let letters = name.prefix { $0 != 0 }.map { UInt32(UInt8(bitPattern: $0)) }
        let hash = letters.reduce(UInt32(2_166_136_261)) { ($0 ^ $1) &* 16_777_619 }
        return String(hash, radix: 36)
    }()
}
