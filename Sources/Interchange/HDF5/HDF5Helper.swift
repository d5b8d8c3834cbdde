import FerryEngine
import OrderedCollections

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// libhdf5 in a process of its own: a file goes in, and the same content comes out in the plain structures that
/// Ferry's own reader knows.
///
/// Members come out sorted by name. The child is the executable `ferry` with a hidden command, which calls
/// ``answer()``.
package enum HDF5Helper {
    /// The command that makes `ferry` a helper.
    package static let command = "read-hdf5"
    /// The variable that names another executable, for programs that ship without `ferry` beside them.
    static let variable = "FERRY_HELPER"

    private static let seconds = 10
    private static let memory = 2 << 30

    /// What libhdf5 reads in these bytes.
    static func read(_ bytes: UnsafeRawBufferPointer, because unknown: HDF5Unknown) throws -> HDF5Group {
        guard let executable else {
            throw FerryError(
                .unsupported, found: "holds what only libhdf5 reads (\(unknown.what))",
                expected: "Ferry runs libhdf5 in a process of its own, for which it needs the executable 'ferry'",
                remedy: "set \(variable) to its path, or pass .inProcess if you trust the file")
        }
        do {
            let input = try ScratchFile()
            try input.file.append(bytes)
            try input.file.rewind()
            let output = try ScratchFile()
            let errors = try ScratchFile()
            let child = try ChildProcess(
                executable, [command], input: input.file, output: output.file, errors: errors.file)
            try requireSuccess(try child.wait(seconds: seconds), errors)
            return HDF5Group(carried: try HDF5Reader.read(carried: try output.file.contents()))
        } catch let failure as SystemFailure {
            throw FerryError(.file, found: "libhdf5 could not be started: \(String(cString: strerror(failure.number)))")
        }
    }

    /// The child's part: reads standard input, writes standard output, and gives up all other rights before.
    package static func answer() throws {
        limit(RLIMIT_AS, to: memory)
        limit(RLIMIT_CPU, to: seconds)
        limit(RLIMIT_CORE, to: 0)
        limit(RLIMIT_FSIZE, to: memory)
        let input = try OpenFile(standard: STDIN_FILENO).contents()
        // No file can be opened from here on.
        limit(RLIMIT_NOFILE, to: 3)
        let group = try HDF5Group(readByLibrary: input)
        try group.carriable.bytes().withUnsafeBytes { try OpenFile(standard: STDOUT_FILENO).append($0) }
    }

    private static func requireSuccess(_ ending: ChildProcess.Ending, _ errors: borrowing ScratchFile) throws {
        let remedy = "fetch the file again or save the model again"
        switch ending {
        case .status(0): return
        case .status:
            try errors.file.rewind()
            let text = String(decoding: try errors.file.contents(), as: UTF8.self)
            let line = text.split(whereSeparator: \.isNewline).first.map(String.init)
            throw FerryError(
                .damagedFile, found: line ?? "is damaged (libhdf5 gave no reason)", remedy: line == nil ? remedy : nil)
        case .signal(let number):
            throw FerryError(.damagedFile, found: "is damaged (libhdf5 ended with signal \(number))", remedy: remedy)
        case .timeout:
            throw FerryError(
                .damagedFile, found: "is damaged (libhdf5 took more than \(seconds) seconds)", remedy: remedy)
        }
    }

    private static func limit(_ resource: __rlimit_resource, to value: Int) {
        var limits = rlimit(rlim_cur: rlim_t(value), rlim_max: rlim_t(value))
        setrlimit(__rlimit_resource_t(resource.rawValue), &limits)
    }

    /// The executable that the variable names, or `ferry` beside the running one or in a folder above.
    private static let executable: String? = {
        if let named = getenv(variable) { return String(cString: named) }
        guard let own = realpath("/proc/self/exe", nil) else { return nil }
        defer { free(own) }
        var folder = String(cString: own).parentFolder
        for _ in 0..<4 {
            if access(folder + "/ferry", X_OK) == 0, !FileBytes.isFolder(folder + "/ferry") { return folder + "/ferry" }
            folder = folder.parentFolder
        }
        return nil
    }()
}

extension HDF5Group {
    private static let mark = "ferry: unsupported "

    /// The same group where what Ferry does not read is marked by texts.
    fileprivate var carriable: HDF5Group {
        mapped {
            if case .unsupported(let kind) = $0 { .string(Self.mark + kind) } else { $0 }
        } dataset: {
            if case .unsupported(let kind) = $0 { .strings([Self.mark + kind], shape: []) } else { $0 }
        }
    }

    /// The group that ``carriable`` was made of.
    fileprivate init(carried group: HDF5Group) {
        self = group.mapped { attribute in
            if case .string(let text) = attribute, text.hasPrefix(Self.mark) {
                return .unsupported(String(text.dropFirst(Self.mark.count)))
            }
            return attribute
        } dataset: { content in
            if case .strings(let texts, []) = content, let text = texts.first, text.hasPrefix(Self.mark) {
                return .unsupported(String(text.dropFirst(Self.mark.count)))
            }
            return content
        }
    }

    private func mapped(
        attribute: (HDF5Attribute) -> HDF5Attribute, dataset: (HDF5Dataset.Content) -> HDF5Dataset.Content
    ) -> HDF5Group {
        HDF5Group(
            attributes: attributes.mapValues(attribute),
            groups: groups.mapValues { $0.mapped(attribute: attribute, dataset: dataset) },
            datasets: datasets.mapValues {
                HDF5Dataset(dataset($0.content), attributes: $0.attributes.mapValues(attribute))
            })
    }
}

extension HDF5Reader {
    /// Reads what the helper wrote, which holds nothing unknown.
    fileprivate static func read(carried bytes: [UInt8]) throws -> HDF5Group {
        do { return try bytes.withUnsafeBytes(read) } catch let unknown as HDF5Unknown {
            throw HDF5Damage.error("libhdf5 answered with \(unknown.what)")
        }
    }
}
