public import FerryEngine
public import FerryRuntime

extension Model {
    /// Reads the model at `path`; its bytes decide the format, never its name.
    ///
    ///     let model = try Model(contentsOf: "model.h5")
    ///
    /// - Throws: ``FerryError`` that begins with the file's name.
    public init(contentsOf path: String, options: ReadOptions = .init()) throws {
        let file = try ModelFile(at: path)
        guard let format = FormatCatalogue.all.first(where: { $0.recognizes(file) }) else {
            throw FormatCatalogue.unrecognized(file)
        }
        self = try locating(file: file.name) { try format.read(file, options) }
    }

    /// Writes the model in place of the file at `path`, whole or not at all.
    ///
    ///     try model.write(to: "model.onnx")
    ///
    /// - Returns: what the user should know about what was written.
    /// - Throws: ``FerryError`` that begins with the file's name and lists all that the format cannot hold.
    @discardableResult
    public func write(to path: String, options: WriteOptions = .init()) throws -> [String] {
        let format = try FormatCatalogue.format(for: path, options)
        return try locating(file: path.lastPathComponent) { try format.write(self, to: path, options) }
    }
}

extension ModelFile {
    /// HDF5 may begin behind a block of up to half as many bytes.
    private static let headLength = 1 << 16

    /// The file or folder at `path`.
    init(at path: String) throws {
        let isFolder = FileBytes.isFolder(path)
        self.init(
            path: path, isFolder: isFolder, head: isFolder ? [] : try FileBytes.prefix(of: path, Self.headLength))
    }
}

extension FormatCatalogue {
    /// The format that the options name; where they name none, the one with the longest ending that `path` has.
    package static func format(for path: String, _ options: WriteOptions = .init()) throws -> any ModelFormat.Type {
        if let name = options.format {
            guard let format = all.first(where: { $0.name == name }) else {
                throw FerryError(
                    .unknownFormat, found: "there is no format '\(name)'",
                    expected: "expected one of \(all.map { $0.name }.listed)")
            }
            return format
        }
        let name = path.lastPathComponent.lowercased()
        guard let format = all.max(by: { $0.lengthOfEnding(of: name) < $1.lengthOfEnding(of: name) }),
            format.lengthOfEnding(of: name) > 0
        else {
            throw FerryError(
                .unknownFormat, at: [path.lastPathComponent], found: "the ending names no format",
                expected: "expected one of \(all.flatMap { $0.extensions }.listed)",
                remedy: "or name the format: \(all.map { $0.name }.listed)")
        }
        return format
    }

    /// The error for a file of no format.
    static func unrecognized(_ file: ModelFile) -> FerryError {
        let titles = all.map { $0.title }.listed
        let isPointer = file.head.starts(with: "version https://git-lfs".utf8)
        let remedy =
            if isPointer {
                "this is a pointer of Git LFS: fetch the file itself with 'git lfs pull'"
            } else if file.isFolder {
                "give the path of a file in the folder"
            } else if file.head.isEmpty {
                "the file is empty: save or download it again"
            } else {
                "check that the file is whole and was saved by one of these"
            }
        return FerryError(
            .wrongFormat, at: [file.name], found: "is no model file Ferry reads", expected: "expected \(titles)",
            remedy: remedy)
    }
}

extension ModelFormat {
    /// How much of a file's name its longest ending covers; 0 where it has none.
    fileprivate static func lengthOfEnding(of name: String) -> Int {
        extensions.filter(name.hasSuffix).map(\.count).max() ?? 0
    }
}

extension FerryError.Code {
    /// A file name's ending, or a name, that stands for no format Ferry writes.
    public static let unknownFormat = Self("unknownFormat")
}

/// Runs `body` and puts `file` in front of the place of its errors, where it does not stand already.
func locating<Result>(file: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as FerryError where error.place.first == file { throw error } catch {
        throw (error as? FerryError)?.located(in: file) ?? error
    }
}

extension [String] {
    /// `a, b or c`.
    package var listed: String {
        guard let last, count > 1 else { return first ?? "nothing" }
        return dropLast().joined(separator: ", ") + " or " + last
    }
}
