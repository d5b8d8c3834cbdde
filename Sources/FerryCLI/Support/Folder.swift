import Ferry

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A folder that results go to.
enum Folder {
    /// Makes a folder where there is none.
    static func make(_ path: String) throws {
        if FileBytes.isFolder(path) { return }
        guard mkdir(path, 0o777) == 0 else {
            throw FerryError(
                .output, at: [path], found: "the folder could not be made: \(String(cString: strerror(errno)))",
                expected: "a folder inside one that is there")
        }
    }
}
