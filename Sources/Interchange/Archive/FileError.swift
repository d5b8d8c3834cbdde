public import FerryEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension FerryError.Code {
    /// A file or folder that is missing, protected, full or of the wrong kind.
    public static let file = Self("file")
}

extension FerryError {
    /// What the operating system said about the file at `path`.
    static func file(_ path: String, found: String, expected: String? = nil, remedy: String? = nil) -> FerryError {
        FerryError(.file, at: [path.lastPathComponent], found: found, expected: expected, remedy: remedy)
    }

    /// A failed attempt to open or read the file at `path`.
    package static func reading(_ path: String, _ number: Int32) -> FerryError {
        switch number {
        case ENOENT: file(path, found: "no such file", remedy: "the path is '\(path)'")
        case ENOTDIR: file(path, found: "no such file", remedy: "a part of '\(path)' is a file, not a folder")
        case EACCES, EPERM: file(path, found: "no permission to read it", remedy: "the path is '\(path)'")
        case EISDIR: file(path, found: "is a folder", expected: "a file was expected")
        default: file(path, found: "cannot be read: \(message(number))")
        }
    }

    /// A failed attempt to make, fill or put in place the file at `path`.
    package static func writing(_ path: String, _ number: Int32) -> FerryError {
        let folder = path.parentFolder
        return switch number {
        case ENOENT: file(path, found: "the folder '\(folder)' does not exist", remedy: "create it first")
        case ENOTDIR: file(path, found: "'\(folder)' is not a folder")
        case EACCES, EPERM: file(path, found: "no permission to write in the folder '\(folder)'")
        case EROFS: file(path, found: "the folder '\(folder)' is on a read-only file system")
        case ENOSPC, EDQUOT:
            file(path, found: "the disk is full", remedy: "nothing was changed; make room and try again")
        case EISDIR: file(path, found: "is a folder", expected: "a file name was expected")
        case ENODEV: file(path, found: "is a pipe or a device", expected: "only files can be written")
        case ENAMETOOLONG: file(path, found: "the name is too long for the file system")
        case ELOOP: file(path, found: "is a symbolic link that leads back to itself")
        default: file(path, found: "cannot be written: \(message(number))")
        }
    }

    private static func message(_ number: Int32) -> String { String(cString: strerror(number)) }
}

extension String {
    /// The part after the last slash; the whole where there is none.
    package var lastPathComponent: String {
        split(separator: "/").last.map(String.init) ?? self
    }

    /// The part before the last slash; `.` where there is none.
    package var parentFolder: String {
        var path = self[...]
        while path.count > 1, path.last == "/" { path.removeLast() }
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
