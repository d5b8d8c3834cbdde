import FerryEngine
import FerryInterchange
import Foundation
import OrderedCollections
import Testing

private func fixture(_ name: String) -> String {
    #filePath.parentFolder.parentFolder.parentFolder + "/fixtures/hdf5/\(name).h5"
}

private func read(_ name: String) throws -> HDF5Group { try HDF5Group(contentsOf: fixture(name)) }

private let small = Tensor([0, 1, 2, 3, 4, 5] as [Float], shape: [2, 3])

@Suite struct HDF5ReadingTests {
    @Test(arguments: [
        ("float16", Tensor([0, 1, 100] as [Float16])), ("float32", Tensor([0, 1, 100] as [Float])),
        ("float64", Tensor([0, 1, 100] as [Double])), ("int8", Tensor([0, 1, 100] as [Int8])),
        ("int16", Tensor([0, 1, 100] as [Int16])), ("int32", Tensor([0, 1, 100] as [Int32])),
        ("int64", Tensor([0, 1, 100] as [Int64])), ("uint8", Tensor([0, 1, 100] as [UInt8])),
        ("uint16", Tensor([0, 1, 100] as [UInt16])), ("uint32", Tensor([0, 1, 100] as [UInt32])),
        ("uint64", Tensor([0, 1, 100] as [UInt64])), ("bool", Tensor([true, false, false, true], shape: [2, 2])),
        ("scalar", Tensor(scalar: Float(2.5))), ("none", Tensor(zeros: [0, 4])), ("empty", Tensor(zeros: [0])),
        ("bfloat16", Tensor([BFloat16(nearest: 1), BFloat16(nearest: -2.5)])),
        ("bfloat16_float", Tensor([BFloat16(nearest: 1), BFloat16(nearest: -2.5)])),
    ]) func numbers(name: String, tensor: Tensor) throws {
        #expect(try read("numbers").dataset(at: name)?.tensor == tensor)
    }

    @Test(arguments: [
        ("f2", Tensor([0, 1, -100] as [Float16])), ("f4", Tensor([0, 1, -100] as [Float])),
        ("f8", Tensor([0, 1, -100] as [Double])), ("i2", Tensor([0, 1, -100] as [Int16])),
        ("u4", Tensor([0, 1, 100] as [UInt32])), ("i8", Tensor([0, 1, -100] as [Int64])),
    ]) func bigEndian(name: String, tensor: Tensor) throws {
        #expect(try read("big_endian").dataset(at: name)?.tensor == tensor)
    }

    @Test func enumerations() throws {
        let file = try read("enumeration")
        #expect(try file.dataset(at: "colour")?.tensor == Tensor([0, 2, 1] as [Int32]))
        #expect(try file.dataset(at: "bool_out_of_range")?.tensor == Tensor([true, false]))
    }

    @Test(
        arguments: [
            ("variable", .string("naïve")), ("variable_bytes", .string("plain")), ("fixed", .string("fixed")),
            ("array", .strings(["a", "", "longer"])), ("variable_array", .strings(["eins", "zwei", ""])),
            ("square", .strings(["a", "b", "c", "d"])), ("none", .tensor(Tensor(zeros: [0], dtype: .float64))),
            ("empty", .string("")), ("null_terminated", .string("cut")), ("null_padded", .string("cut\0off")),
            ("space_padded", .string("space")), ("utf8", .string("größe")), ("invalid", .string("a\u{FFFD}b")),
        ] as [(String, HDF5Attribute)]) func texts(name: String, value: HDF5Attribute) throws
    {
        #expect(try read("texts").attributes[name] == value)
    }

    @Test func datasetsOfTexts() throws {
        let file = try read("texts")
        #expect(file.dataset(at: "dataset")?.content == .strings(["x", "yy"], shape: [1, 2]))
        #expect(file.dataset(at: "variable_dataset")?.content == .strings(["ein", "", "zweites"], shape: [3]))
    }

    @Test func attributes() throws {
        let file = try read("attributes")
        #expect(file.attributes["number"] == .tensor(Tensor(scalar: Int64(7))))
        #expect(file.attributes["numbers"] == .tensor(Tensor([1.5, 2.5] as [Double], shape: [1, 2])))
        #expect(file.attributes["flag"] == .tensor(Tensor(scalar: true)))
        #expect(file.attributes["complex"] == .unsupported("compound elements"))
        #expect(file.datasets["data"] == HDF5Dataset(small, attributes: ["name": .string("kernel")]))
    }

    @Test(arguments: [
        ("plain", Tensor((0..<60).map(Int32.init), shape: [6, 10])),
        ("packed", Tensor((0..<600).map(Float.init), shape: [60, 10])),
        ("growing", small), ("compact", small),
        ("unwritten", Tensor([Float](repeating: 4, count: 25), shape: [5, 5])),
    ]) func storage(name: String, tensor: Tensor) throws {
        #expect(try read("chunked").dataset(at: name)?.tensor == tensor)
    }

    @Test func keepsTheOrderOfCreation() throws {
        let file = try read("latest")
        #expect(Array(file.groups.keys) == ["zulu", "alpha", "mike"])
        #expect(file.groups["zulu"].map { Array($0.attributes.keys) } == (0..<20).map { "note\(19 - $0)" })
        #expect(try file.dataset(at: "alpha/data")?.tensor == small)
    }

    @Test func findsTheFileBehindAUserBlock() throws {
        #expect(try read("user_block").dataset(at: "/data")?.tensor == small)
        #expect(HDF5Signature.isPresent(in: try FileBytes.read(fixture("user_block"))))
        #expect(!HDF5Signature.isPresent(in: try FileBytes.prefix(of: fixture("user_block"), 1024)))
    }

    @Test func leavesOutNamedTypesAndFollowsSharedGroups() throws {
        #expect(try read("named_type") == HDF5Group(datasets: ["data": HDF5Dataset(small)]))
        let shared = HDF5Group(datasets: ["data": HDF5Dataset(small)])
        #expect(try read("shared") == HDF5Group(groups: ["a": shared, "b": shared]))
    }

    @Test(arguments: [
        ("compound", "compound elements"), ("reference", "references"), ("lists", "lists of various lengths"),
        ("opaque", "opaque elements of 3 bytes"), ("foreign_filter", "data compressed by 'lzf'"),
    ]) func namesWhatItDoesNotRead(name: String, kind: String) throws {
        let file = try read("unsupported")
        #expect(file.dataset(at: name)?.content == .unsupported(kind))
        #expect(sentence { _ = try file.dataset(at: name)?.tensor } == "holds \(kind); needs numbers")
        #expect(try file.dataset(at: "data")?.tensor == small)
    }

    @Test func severalThreadsReadAtOnce() async throws {
        let expected = try read("chunked")
        try await withThrowingTaskGroup(of: HDF5Group.self) { group in
            for _ in 0..<16 { group.addTask { try HDF5Group(bytes: read("chunked").bytes()) } }
            for try await file in group { #expect(file == expected) }
        }
    }
}

/// Ferry's own reader against libhdf5, on every sound file there is.
@Suite struct HDF5OracleTests {
    /// All fixtures, and what lies in the folder that `FERRY_HDF5_FILES` names.
    private static let files: [String] = {
        let fixtures = #filePath.parentFolder.parentFolder.parentFolder + "/fixtures"
        let folders = ["hdf5", "keras1", "keras2", "keras3", "demo"]
        let named = ProcessInfo.processInfo.environment["FERRY_HDF5_FILES"].map { [$0] } ?? []
        return (folders.map { "\(fixtures)/\($0)" } + named).flatMap { folder in
            let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
            return names.filter { $0.hasSuffix(".h5") }.sorted().map { "\(folder)/\($0)" }
        }
    }()

    @Test(arguments: files) func readsWhatTheLibraryReads(path: String) throws {
        let bytes = try FileBytes.read(path)
        // What the library refuses is the business of the refusal tests, as is what only it reads.
        guard let expected = try? HDF5Group(readByLibrary: bytes) else { return }
        guard let found = try HDF5Group(readBySwift: bytes) else {
            #expect(path.lastPathComponent == "library_only.h5")
            return
        }
        #expect(found == expected)
        #expect(Self.names(found) == Self.names(expected))
    }

    /// All names in their order, which equality disregards.
    private static func names(_ group: HDF5Group) -> [String] {
        Array(group.attributes.keys) + group.datasets.flatMap { [$0.key] + $0.value.attributes.keys }
            + group.groups.flatMap { [$0.key] + names($0.value) }
    }
}

@Suite struct HDF5IsolationTests {
    private static let expected = HDF5Group(
        attributes: ["name": .string("naïve")],
        datasets: [
            "packed": HDF5Dataset(Tensor((0..<100).map(Int32.init))), "weights": HDF5Dataset(small),
            "complex": HDF5Dataset(.unsupported("compound elements")),
        ])

    @Test(arguments: [HDF5Isolation.isolated, .inProcess]) func readsWhatOnlyTheLibraryKnows(
        library: HDF5Isolation
    ) throws {
        #expect(try HDF5Group(contentsOf: fixture("library_only"), library: library) == Self.expected)
    }

    /// Wherever the file is damaged: the helper may crash, this process gets a sentence.
    @Test func damageBecomesASentence() throws {
        let bytes = try FileBytes.read(fixture("library_only"))
        let sentences = stride(from: 96, to: bytes.count - 64, by: 256).map { start in
            var damaged = bytes
            damaged.replaceSubrange(start..<(start + 64), with: [UInt8](repeating: 0xFF, count: 64))
            return sentence { _ = try HDF5Group(bytes: damaged) }
        }
        // The words in brackets are the library's own, so the helper must have answered.
        #expect(sentences.contains { $0.contains("is damaged (H5") }, "\(Set(sentences))")
    }
}

@Suite struct HDF5RefusalTests {
    @Test(arguments: [
        ("soft_link", "group/link: is a soft link; \(ownName)"),
        ("external_link", "weights: is a link to another file; \(ownName)"),
        ("external_data", "bytes: keeps its data in another file; copy the data into the file"),
        ("virtual", "view: is a view of other datasets; copy the data into the file"),
        ("cycle", "a/b/up/…/data: groups lie more than 64 deep or contain themselves"),
        ("shape_bomb", "huge: claims 4398046511104 bytes for shape [1048576, 1048576] in a file of 1400; \(most)"),
        ("expansion_bomb", "wide: claims 268435456 bytes for shape [8192, 8192] in a file of 1400; \(most)"),
        ("chunk_bomb", "dust: claims chunks of shape [1] in an array of shape [2097152]"),
        ("compact_overrun", "short: claims the shape [700, 11] but holds 77 bytes"),
        ("text_bomb", "again: claims more text than the file has bytes"),
    ]) func hostile(name: String, text: String) {
        #expect(sentence { _ = try read(name) } == "\(name).h5 › \(text)")
    }

    private static let ownName =
        "Ferry reads only what the file holds under its own name; copy the target to this place"
    private static let most = "Ferry reads at most 67108864 from it"

    @Test(arguments: [
        ("empty", "is empty; needs an HDF5 file"),
        ("zip", "is not an HDF5 file (its first bytes are 'PK\\x03\\x04'); \(signature)"),
        (
            "git_lfs",
            "is not an HDF5 file (its first bytes are 'vers'); \(signature); "
                + "this is a pointer of Git LFS: fetch the file itself with 'git lfs pull'"
        ),
        ("missing", "no such file; the path is '\(fixture("missing"))'"),
    ]) func wrongFiles(name: String, text: String) {
        #expect(sentence { _ = try read(name) } == "\(name).h5: \(text)")
    }

    private static let signature = "expected '\\x89HDF' at byte 0, 512, 1024, …"

    /// libhdf5 1.10 follows a damaged reference wherever it leads.
    @Test(arguments: [(0, 0x00), (4, 0x02), (10, 0xFF), (16, 0x63), (26, 0xFF), (30, 0xFF), (31, 0xFF)])
    func damagedTexts(offset: Int, byte: UInt8) throws {
        var bytes = try FileBytes.read(fixture("texts"))
        let heap = try #require(bytes.indices.first { bytes[$0...].starts(with: "GCOL".utf8) })
        bytes[heap + offset] = byte
        #expect(
            sentence { _ = try HDF5Group(bytes: bytes) }
                == "attribute 'variable': is damaged (a reference to text leads nowhere); "
                + "fetch the file again or save the model again")
    }

    @Test(arguments: [
        ("truncated", "truncated.h5: is cut off: 6204 of 12408 bytes are there; \(again)"),
        ("checksum", "checksum.h5 › packed: is damaged (a checksum does not fit); \(again)"),
    ]) func damaged(name: String, text: String) { #expect(sentence { _ = try read(name) } == text) }

    private static let again = "fetch the file again or save the model again"
}

@Suite struct HDF5WritingTests {
    private static let everything = HDF5Group(
        attributes: [
            "text": .string("naïve"), "long": .string(String(repeating: "x", count: 100_000)), "none": .strings([]),
            "names": .strings(["a", "", "größe"]), "number": .tensor(Tensor(scalar: Int64(-1))),
        ],
        groups: [
            "model_weights": HDF5Group(groups: ["lstm": HDF5Group(datasets: ["kernel:0": HDF5Dataset(small)])]),
            "empty": HDF5Group(),
        ],
        datasets: OrderedDictionary(
            uniqueKeysWithValues: DType.allCases.map {
                ($0.rawValue, HDF5Dataset(Tensor([0, 1] as [Float]).cast(to: $0), attributes: ["name": .string("x")]))
            } + [
                ("scalar", HDF5Dataset(Tensor(scalar: Float.pi))),
                ("texts", HDF5Dataset(.strings(["a", "bc"], shape: [2, 1]))),
                ("void", HDF5Dataset(Tensor(zeros: [3, 0]))),
            ]))

    @Test func readsBackWhatItWrote() throws {
        #expect(try HDF5Group(bytes: Self.everything.bytes()) == Self.everything)
    }

    @Test func equalGroupsGiveEqualBytes() throws {
        #expect(try Self.everything.bytes() == Self.everything.bytes())
    }

    @Test func writesFiles() throws {
        let folder = try TemporaryFolder()
        try Self.everything.write(to: folder("model.h5"))
        #expect(try FileBytes.read(folder("model.h5")) == Self.everything.bytes())
        #expect(folder.names == ["model.h5"])
    }

    @Test(arguments: [
        (HDF5Group(groups: ["a/b": HDF5Group()]), "a/b: has no possible name; \(names)"),
        (HDF5Group(datasets: [".": HDF5Dataset(small)]), ".: has no possible name; \(names)"),
        (HDF5Group(attributes: ["a": .unsupported("references")]), "attribute 'a': holds references; \(so)"),
        (HDF5Group(attributes: ["a": .string("x\0y")]), "attribute 'a': holds a text with a zero character; \(so)"),
        (
            HDF5Group(groups: ["g": HDF5Group(attributes: ["a": .tensor(Tensor(zeros: [20000]))])]),
            "g › attribute 'a': holds 80000 bytes; HDF5 attributes hold at most 64512"
        ),
        (
            HDF5Group(datasets: ["d": HDF5Dataset(Tensor(zeros: [Int](repeating: 1, count: 33)))]),
            "d: has 33 axes; HDF5 allows 32"
        ),
        (HDF5Group(datasets: ["d": HDF5Dataset(.strings(["a"], shape: [2]))]), "d: 1 texts for the shape [2]"),
    ]) func refuses(group: HDF5Group, text: String) {
        #expect(sentence { _ = try group.bytes() } == text)
    }

    private static let names = "names are not empty and contain no slash"
    private static let so = "HDF5 files cannot be written so"
}

@Suite struct HDF5GroupTests {
    @Test func paths() throws {
        var root = HDF5Group()
        root.insert(HDF5Dataset(small), at: "a/b/c")
        root.update(groupAt: "a") { $0.attributes["x"] = .string("y") }
        #expect(try root.dataset(at: "a/b/c")?.tensor == small)
        #expect(try root.group(at: "a")?.string(named: "x") == "y")
        #expect(root.group(at: "") == root)
        #expect(root.group(at: "a/c") == nil)
        #expect(root.dataset(at: "a/b") == nil)
        #expect(root.dataset(at: "") == nil)
    }

    @Test func listsInParts() throws {
        let file = try read("names_in_parts")
        #expect(try file.strings(named: "layer_names") == ["dense", "dense_1", "lstm"])
        #expect(try file.strings(named: "weight_names") == nil)
    }

    /// The parts are those of NumPy's `array_split` with as few of them as Keras gets by with.
    @Test(arguments: [(1000, 64, [1000]), (1008, 64, [1008]), (1009, 64, [505, 504]), (7, 30000, [2, 2, 2, 1])])
    func dividesLongLists(count: Int, width: Int, parts: [Int]) throws {
        let texts = (0..<count).map { "\($0)".padded(to: width) }
        let old: HDF5Attribute = .strings(["old"])
        var group = HDF5Group(attributes: ["names0": old, "names1": old, "names": old])
        try group.setStrings(texts, named: "names")
        let names = parts.count == 1 ? ["names"] : parts.indices.map { "names\($0)" }
        #expect(group.attributes.keys.sorted() == names)
        let lengths = names.map { name in
            if case .strings(let part) = group.attributes[name] { part.count } else { -1 }
        }
        #expect(lengths == parts)
        #expect(try HDF5Group(bytes: group.bytes()).strings(named: "names") == texts)
    }

    @Test func otherKinds() throws {
        let file = try read("texts")
        #expect(try file.strings(named: "none") == [])
        #expect(try file.strings(named: "fixed") == ["fixed"])
        #expect(try file.string(named: "absent") == nil)
        #expect(sentence { _ = try file.string(named: "array") } == "attribute 'array': holds 3 texts; needs one text")
        let numbers = try read("attributes")
        #expect(
            sentence { _ = try numbers.strings(named: "numbers") }
                == "attribute 'numbers': holds float64 [1, 2]; needs a list of texts")
        var group = HDF5Group()
        #expect(
            sentence { try group.setStrings([String(repeating: "x", count: 64513)], named: "names") }
                == "attribute 'names': a text of 64513 bytes; HDF5 attributes hold at most 64512")
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: "x", count: width - utf8.count) }
}
