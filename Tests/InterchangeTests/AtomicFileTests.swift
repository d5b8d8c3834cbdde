import FerryEngine
import FerryInterchange
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A folder of its own for one test, removed at the end.
final class TemporaryFolder {
    let path: String

    init() throws {
        var template = Array((P_tmpdir + "/ferry-test-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else { throw FerryError(.file, found: "no temporary folder") }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit { Self.remove(path) }

    func callAsFunction(_ name: String) -> String { path + "/" + name }

    var names: [String] { Self.names(path) }

    private static func names(_ path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var result: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { result.append(name) }
        }
        return result.sorted()
    }

    private static func remove(_ path: String) {
        for name in names(path) {
            let inner = path + "/" + name
            if unlink(inner) != 0 { remove(inner) }
        }
        rmdir(path)
    }
}

/// The sentence of the error that `body` throws.
func sentence(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "no error"
    } catch { return "\(error)" }
}

private func mode(_ path: String) -> mode_t {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
}

@Suite struct AtomicFileTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func writesAndReplaces() throws {
        try AtomicFile.write([1, 2, 3], to: folder("a"))
        #expect(try FileBytes.read(folder("a")) == [1, 2, 3])
        try AtomicFile.write([], to: folder("a"))
        #expect(try FileBytes.read(folder("a")) == [])
        #expect(folder.names == ["a"])
    }

    @Test func newFilesObeyTheMask() throws {
        try AtomicFile.write([1], to: folder("new"))
        close(open(folder("reference"), O_CREAT | O_WRONLY, 0o666))
        #expect(mode(folder("new")) == mode(folder("reference")))
    }

    @Test(arguments: [0o600, 0o640, 0o755] as [mode_t]) func replacedFilesKeepTheirPermissions(_ old: mode_t) throws {
        try AtomicFile.write([1], to: folder("a"))
        chmod(folder("a"), old)
        try AtomicFile.write([2], to: folder("a"))
        #expect(mode(folder("a")) == old)
    }

    @Test func bodyMayReplaceTheTemporaryFile() throws {
        try AtomicFile.write([1], to: folder("a"))
        let before = mode(folder("a"))
        try AtomicFile.write(to: folder("a")) { temporary in
            unlink(temporary)
            let file = open(temporary, O_CREAT | O_WRONLY, 0o600)
            #expect(write(file, "xy", 2) == 2)
            close(file)
        }
        #expect(try FileBytes.read(folder("a")) == Array("xy".utf8))
        #expect(mode(folder("a")) == before)
    }

    @Test func failureLeavesTheOldFile() throws {
        struct Stop: Error {}
        try AtomicFile.write([1], to: folder("a"))
        #expect(throws: Stop.self) {
            try AtomicFile.write(to: folder("a")) { temporary in
                #expect(folder.names.count == 2)
                #expect(temporary.hasPrefix(folder.path + "/."))
                throw Stop()
            }
        }
        #expect(try FileBytes.read(folder("a")) == [1])
        #expect(folder.names == ["a"])
    }

    @Test func filesOfDeadWritersGo() throws {
        // This process is alive, number 1 is somebody else's, and no process has the largest number.
        let host = try hostPart()
        let names = ["\(host)-\(getpid())-a", "\(host)-1-b", "\(host)-\(pid_t.max)-c", "other-\(pid_t.max)-d", "x"]
        for name in names { close(open(folder(".ferry-" + name), O_CREAT | O_WRONLY, 0o600)) }
        let young = names.map { ".ferry-" + $0 }.sorted()
        try AtomicFile.write([1], to: folder("model"))
        #expect(folder.names == (young + ["model"]).sorted())
        for name in young { utimes(folder(name), [timeval(tv_sec: 0, tv_usec: 0), timeval(tv_sec: 0, tv_usec: 0)]) }
        try AtomicFile.write([1], to: folder("model"))
        #expect(folder.names == (young + ["model"]).filter { !$0.hasSuffix("-c") }.sorted())
    }

    /// What this machine is called in the names of temporary files.
    private func hostPart() throws -> String {
        var name = ""
        try AtomicFile.write(to: folder("any")) { name = $0.lastPathComponent }
        unlink(folder("any"))
        return String(name.dropFirst(".ferry-".count).prefix { $0 != "-" })
    }

    @Test(arguments: ["old", "missing", "further/old"]) func linksStay(_ target: String) throws {
        mkdir(folder("further"), 0o777)
        try AtomicFile.write([1], to: folder("old"))
        symlink(target, folder("link"))
        symlink("link", folder("outer"))
        try AtomicFile.write([2], to: folder("outer"))
        #expect(try FileBytes.read(folder(target)) == [2])
        var status = stat()
        #expect(lstat(folder("link"), &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
    }

    @Test func circularLinkIsRefused() {
        symlink("b", folder("a"))
        symlink("a", folder("b"))
        #expect(
            sentence { try AtomicFile.write([], to: folder("a")) }
                == "a: is a symbolic link that leads back to itself")
    }

    @Test func wrongTargetsAreRefused() throws {
        mkdir(folder("sub"), 0o777)
        try AtomicFile.write([], to: folder("file"))
        #expect(
            sentence { try AtomicFile.write([], to: folder("no/a.npy")) }
                == "a.npy: the folder '\(folder("no"))' does not exist; create it first")
        #expect(
            sentence { try AtomicFile.write([], to: folder("file/a.npy")) }
                == "a.npy: '\(folder("file"))' is not a folder")
        #expect(
            sentence { try AtomicFile.write([], to: folder("sub")) } == "sub: is a folder; a file name was expected")
        #expect(sentence { try AtomicFile.write([], to: folder("x/")) } == "x: is a folder; a file name was expected")
        #expect(
            sentence { try AtomicFile.write([], to: "/dev/null") }
                == "null: is a pipe or a device; only files can be written")
        let longName = String(repeating: "n", count: 300)
        #expect(
            sentence { try AtomicFile.write([], to: folder(longName)) }
                == "\(longName): the name is too long for the file system")
        #expect(folder.names == ["file", "sub"])
    }

    @Test(.enabled(if: geteuid() != 0, "root may write everywhere")) func protectionIsRespected() throws {
        try AtomicFile.write([], to: folder("old"))
        chmod(folder("old"), 0o400)
        #expect(
            sentence { try AtomicFile.write([], to: folder("old")) }
                == "old: is write-protected; allow writing it, or choose another name")
        chmod(folder.path, 0o500)
        #expect(
            sentence { try AtomicFile.write([], to: folder("a")) }
                == "a: no permission to write in the folder '\(folder.path)'")
        chmod(folder.path, 0o700)
    }

    @Test(arguments: [
        (EACCES, "no permission to write in the folder '/x'"),
        (EROFS, "the folder '/x' is on a read-only file system"),
        (ENOSPC, "the disk is full; nothing was changed; make room and try again"),
        (EIO, "cannot be written: Input/output error"),
    ]) func sentences(number: Int32, text: String) {
        #expect(FerryError.writing("/x/a", number).description == "a: " + text)
    }
}

@Suite struct FileBytesTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func readsPrefixesAndPipes() throws {
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try AtomicFile.write(bytes, to: folder("a"))
        #expect(try FileBytes.read(folder("a")) == bytes)
        #expect(try FileBytes.prefix(of: folder("a"), 4) == [0, 31, 62, 93])
        #expect(try FileBytes.prefix(of: folder("a"), 4_000_000).count == 3_000_000)
        #expect(try FileBytes.read("/dev/null") == [])
    }

    @Test func wrongPathsAreRefused() throws {
        try AtomicFile.write([], to: folder("file"))
        #expect(
            sentence { _ = try FileBytes.read(folder("a")) } == "a: no such file; the path is '\(folder("a"))'")
        #expect(
            sentence { _ = try FileBytes.read(folder("file/a")) }
                == "a: no such file; a part of '\(folder("file/a"))' is a file, not a folder")
        #expect(
            sentence { _ = try FileBytes.prefix(of: folder.path, 8) }
                == "\(folder.path.lastPathComponent): is a folder; a file was expected")
        #expect(
            FerryError.reading("/x/a", EACCES).description == "a: no permission to read it; the path is '/x/a'")
    }

    @Test(arguments: [("a/b", "b", "a"), ("b", "b", "."), ("/b", "b", "/"), ("a/b/", "b", "a"), ("/", "/", "/")])
    func pathParts(path: String, last: String, folder: String) {
        #expect(path.lastPathComponent == last)
        #expect(path.parentFolder == folder)
    }
}
