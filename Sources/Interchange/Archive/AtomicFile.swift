import FerryEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Writes files so that a reader, or a crash, sees either the old file or the new one, whole.
package enum AtomicFile {
    /// Calls `body` with the path of an empty file, which then replaces the file at `path`.
    ///
    /// Where `body` throws, the file at `path` stays as it was and the error passes unchanged. A symbolic link stays;
    /// the file that it leads to is replaced. The new file keeps the permissions of the old.
    package static func write(to path: String, _ body: (_ temporaryPath: String) throws -> Void) throws {
        let target = try naming(path) { try destination(of: path) }
        TemporaryName.removeAbandoned(in: target.parentFolder)
        let temporary = target.parentFolder + "/" + TemporaryName.next()
        do {
            let attributes = try naming(path) { try create(temporary, for: target) }
            try body(temporary)
            try naming(path) {
                try finish(temporary, attributes)
                guard rename(temporary, target) == 0 else { throw SystemFailure.last }
            }
        } catch {
            unlink(temporary)
            throw error
        }
        // A folder that may be written but not read cannot be flushed.
        guard let folder = try? OpenFile(target.parentFolder, O_RDONLY | O_DIRECTORY) else { return }
        try naming(path) { try folder.synchronize() }
    }

    /// Replaces the file at `path` by one with these bytes.
    package static func write(_ bytes: [UInt8], to path: String) throws {
        try write(to: path) { temporary in
            try naming(path) {
                let file = try OpenFile(temporary, O_WRONLY)
                try bytes.withUnsafeBytes { try file.append($0) }
            }
        }
    }

    /// Calls `body` with a path in the folder of `path`, and removes the file that it leaves there.
    package static func discarding<Result>(beside path: String, _ body: (String) throws -> Result) rethrows -> Result {
        let temporary = path.parentFolder + "/" + TemporaryName.next()
        defer { unlink(temporary) }
        return try body(temporary)
    }

    /// The path of the file to replace: `path` with symbolic links at its end followed.
    private static func destination(of path: String) throws -> String {
        var status = stat()
        if stat(path, &status) == 0 {
            if status.st_mode & S_IFMT == S_IFDIR { throw SystemFailure(number: EISDIR) }
            // A pipe or a device cannot be replaced by a rename.
            if status.st_mode & S_IFMT != S_IFREG { throw SystemFailure(number: ENODEV) }
            if access(path, W_OK) != 0 { throw errno == EACCES ? writeProtected(path) : SystemFailure.last }
        } else if path.isEmpty || path.hasSuffix("/") {
            throw SystemFailure(number: EISDIR)
        }
        var target = path
        for _ in 0..<40 {
            guard lstat(target, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else { return target }
            let link = try linkText(target)
            target = link.hasPrefix("/") ? link : target.parentFolder + "/" + link
        }
        throw SystemFailure(number: ELOOP)
    }

    private static func writeProtected(_ path: String) -> FerryError {
        FerryError.file(path, found: "is write-protected", remedy: "allow writing it, or choose another name")
    }

    private static func linkText(_ path: String) throws -> String {
        var text = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &text, text.count)
        guard count >= 0 else { throw SystemFailure.last }
        return String(decoding: text.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Makes the temporary file and returns the attributes that the finished one must have.
    private static func create(_ temporary: String, for target: String) throws -> stat {
        let made = try OpenFile(temporary, O_WRONLY | O_CREAT | O_EXCL).status()
        var old = stat()
        return stat(target, &old) == 0 ? old : made
    }

    /// Flushes the temporary file, which `body` may have replaced by another, and sets its attributes.
    private static func finish(_ temporary: String, _ attributes: stat) throws {
        let file = try OpenFile(temporary, O_RDONLY)
        try file.adopt(attributes)
        try file.synchronize()
    }

    private static func naming<Result>(
        _ path: String, _ body: () throws -> Result
    ) throws -> Result {
        do { return try body() } catch let failure as SystemFailure { throw FerryError.writing(path, failure.number) }
    }
}
