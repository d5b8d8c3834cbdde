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

@Suite struct ONNXHostileFileTests {
    @Test(arguments: damage)
    func damageIsNamed(bytes: [UInt8], expected: String) {
        #expect(sentence { _ = try ONNXModel(bytes: bytes) } == expected)
    }

    static let damage: [([UInt8], String)] = [
        ([], "is empty"),
        (Array("not a model".utf8), "is not an ONNX model"),
        ([0x08, 0x0A, 0x3A, 0x01, 0xFF], "is not an ONNX model"),
        (version, "holds no graph; the file may be cut off"),
        (
            version + [0x3A, 0x7F, 0x12, 0x01],
            "is damaged at byte 68: field 7 of ModelProto is longer than what contains it; the file may be cut off"
        ),
        (
            version + [0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
            "is damaged at byte 68: field 7 of ModelProto is longer than what contains it; the file may be cut off"
        ),
        (version + [0x3B], "is damaged at byte 68: no field of ModelProto begins here"),
        (version + [0x3A, 0x01, 0xFF], "is damaged at byte 70: no field of GraphProto begins here"),
        (version + [0x38, 0x01], "is damaged at byte 68: ModelProto.graph has the layout of a number"),
        (version + field(2, [0xC3]), "is damaged at byte 68: ModelProto.producer_name is not UTF-8 text"),
        (version + field(2, [0x61, 0, 0x62]), "is damaged at byte 68: ModelProto.producer_name is not UTF-8 text"),
        (version + [0x2D, 0, 0, 0, 0] + field(7, []), "is damaged: a field has the wrong type"),
        (attribute([0xA0, 0x01, 0x63]), "\(theNode) › attribute 'a': has the unknown type 99"),
        (attribute([]), "\(theNode) › attribute 'a': has no type; and its value does not show one"),
        (attribute([0xA0, 0x01, 0x05]), "\(theNode) › attribute 'a': has no value"),
        (
            attribute([0xA0, 0x01, 0x02, 0x15, 0, 0, 0x80, 0x3F]),
            "\(theNode) › attribute 'a': is declared as int; it also holds float"
        ),
        (
            initializer([0x08, 0x02, 0x08, 0x03, 0x10, 0x01] + field(9, [1, 2, 3])),
            "\(theTensor): holds 3 bytes; shape [2, 3] of float32 needs 24"
        ),
        (
            initializer([0x08, 0x02, 0x10, 0x07] + field(7, [1, 2, 3])),
            "\(theTensor): holds 24 bytes; shape [2] of int64 needs 16"
        ),
        (initializer([0x08, 0x02, 0x10, 0x07]), "\(theTensor): holds 0 elements; shape [2] of int64 needs 2"),
        (
            initializer([0x08, 0x02, 0x10, 0x07] + field(5, [1, 2])),
            "\(theTensor): holds int64 in int32_data; they belong in int64_data"
        ),
        (
            initializer([0x08, 0x02, 0x10, 0x02] + field(5, [0xFF, 0x01, 0x80, 0x02])),
            "\(theTensor): holds 256; uint8 has no such element"
        ),
        (
            initializer([0x08, 0x01, 0x10, 0x07] + field(7, [1]) + field(9, [1, 0, 0, 0, 0, 0, 0, 0])),
            "\(theTensor): holds its elements twice, in raw_data and in int64_data"
        ),
        (
            initializer([0x08, 0x02, 0x10, 0x08] + field(6, [0x61])),
            "\(theTensor): holds 1 element; shape [2] of string needs 2"
        ),
        (initializer([0x08] + minusOne + [0x10, 0x01]), "\(theTensor): has the impossible shape [-1]"),
        (
            initializer([0x08] + huge + [0x08] + huge + [0x10, 0x01]),
            "\(theTensor): has the impossible shape [4611686018427387904, 4611686018427387904]"
        ),
        (
            initializer([0x08] + huge + [0x10, 0x01] + field(9, [0])),
            "\(theTensor): holds 1 byte; shape [4611686018427387904] of float32 needs more than there can be"
        ),
        (
            initializer([0x08, 0x02, 0x10, 0x63] + field(7, [1, 2])),
            "\(theTensor): holds elements of the unknown type 99 in int64_data"
        ),
        (initializer([0x1A, 0x00]), "\(theTensor): is one segment of a larger tensor"),
    ]

    @Test func aBoolIsZeroOrOne() throws {
        let model = try ONNXModel(bytes: Self.initializer([0x08, 0x03, 0x10, 0x09] + Self.field(9, [0, 7, 1])))
        #expect(try model.graph.initializers.first?.tensor().elements() == [false, true, true])
    }

    @Test func aFieldThatIsMissingHasItsDefault() throws {
        let model = try ONNXModel(bytes: Self.attribute([0xA0, 0x01, 0x02]))
        #expect(model.graph.nodes.first?.attributes == [ONNXAttribute("a", .int(0))])
    }

    @Test func theTypeOfAnAttributeIsSeenFromItsValue() throws {
        let model = try ONNXModel(bytes: Self.attribute([0x18, 0x00]))
        #expect(model.graph.nodes.first?.attributes == [ONNXAttribute("a", .int(0))])
    }

    @Test func fieldsFromTheFutureAreListed() throws {
        let model = try ONNXModel(bytes: Self.version + Self.field(7, Self.field(99, [1]) + Self.field(99, [2])))
        #expect(model.unknownFields == ["GraphProto field 99"])
    }

    @Test(arguments: [(34, true), (35, false), (1000, false)])
    func graphsNestOnlySoDeep(levels: Int, sound: Bool) throws {
        var graph = ONNXGraph(name: "innermost")
        for _ in 1..<levels {
            var outer = ONNXGraph(name: "g")
            outer.nodes = [
                ONNXNode("If", name: "n", inputs: [], outputs: [], attributes: [ONNXAttribute("body", .graph(graph))])
            ]
            graph = outer
        }
        let bytes = try ONNXModel(graph: graph, opsets: [], irVersion: 10).bytes()
        let message = sentence { _ = try ONNXModel(bytes: bytes) }
        #expect(message == (sound ? "no error" : "nests graphs or types more than 100 messages deep"))
    }

    @Test func aBombOfSmallIntegersIsRefused() {
        // Each byte of the file would become eight in memory.
        let integers = Self.field(8, [UInt8](repeating: 0, count: 1 << 27))
        let message = sentence { _ = try ONNXModel(bytes: Self.attribute(integers)) }
        #expect(message == "has too many fields; those up to byte 93 would already take 1 GiB of memory")
    }

    @Test func aFileBeyondTwoGigabytesIsRefused() throws {
        let folder = try TemporaryFolder()
        try AtomicFile.write(Self.version, to: folder("large.onnx"))
        #expect(truncate(folder("large.onnx"), 1 << 31) == 0)
        #expect(
            sentence { _ = try ONNXModel(contentsOf: folder("large.onnx")) }
                == "large.onnx: has 2147483648 bytes; an ONNX file has at most 2147483647; "
                + "keep large weights in files beside it, as external data")
    }

    @Test func aFileThatIsCutOffAnywhereIsRefusedOrShorter() throws {
        let bytes = try FileBytes.read(onnxFixture("every_message.onnx"))
        for count in 0..<bytes.count { _ = sentence { _ = try ONNXModel(bytes: Array(bytes.prefix(count))) } }
    }

    @Test func aFileWithAChangedByteIsReadOrRefused() throws {
        for file in ["every_message.onnx", "element_types.onnx"] {
            let bytes = try FileBytes.read(onnxFixture(file))
            for index in bytes.indices {
                for value in [bytes[index] ^ 1, 0xFF] {
                    var changed = bytes
                    changed[index] = value
                    _ = sentence { _ = try ONNXModel(bytes: changed).bytes() }
                }
            }
        }
    }
}

@Suite struct ONNXExternalDataTests {
    @Test func elementsAreReadFromTheFileBesideTheModel() throws {
        let tensors = try ONNXModel(contentsOf: onnxFixture("external/model.onnx")).graph.initializers
        #expect(
            try tensors.map { try $0.tensor() } == [
                Tensor([0, 1, 2, 3, 4, 5] as [Float], shape: [2, 3]), Tensor([7, 8] as [Int64]),
            ])
    }

    @Test func withoutAFolderTheElementsStayAway() throws {
        let tensor = try #require(
            try ONNXModel(bytes: FileBytes.read(onnxFixture("external/model.onnx"))).graph.initializers.first)
        #expect(
            sentence { _ = try tensor.tensor() }
                == "tensor 'w0': keeps its elements in the file 'weights/data.bin'; "
                + "open the model by its path, so that the file can be found beside it")
    }

    @Test(
        arguments: [
            ("gone.bin", [:], "no such file beside the model; it holds weights; fetch it as well"),
            ("/etc/passwd", [:], Self.outside),
            ("../outside.bin", [:], Self.outside),
            ("sub/../../outside.bin", [:], Self.outside),
            ("sub//inside.bin", [:], Self.outside),
            ("", [:], Self.outside),
            ("link.bin", [:], Self.link),
            ("folderlink/outside.bin", [:], Self.link),
            ("inside.bin/x", [:], Self.link),
            ("sub", [:], "is not a file"),
            (".", [:], "is not a file"),
            ("pipe", [:], "is not a file"),
            ("inside.bin", ["offset": "1"], "holds 8 bytes; the tensor needs 8 from byte 1 on"),
            (
                "inside.bin", ["offset": "9223372036854775807"],
                "holds 8 bytes; the tensor needs 8 from byte 9223372036854775807 on"
            ),
            ("inside.bin", ["offset": "-1"], "offset '-1' of its external data is not a number of bytes"),
            ("inside.bin", ["length": "7"], "has 7 bytes; the tensor needs 8"),
            (
                "inside.bin", ["length": "99999999999999999999"],
                "length '99999999999999999999' of its external data is not a number of bytes"
            ),
            ("./inside.bin", ["offset": "0", "length": "8"], ""),
            ("sub/inside.bin", [:], ""),
        ] as [(String, [String: String], String)])
    func onlyFilesOfTheModelsFolderAreRead(
        location: String, options: [String: String], complaint: String
    ) throws {
        let parent = try TemporaryFolder()
        let folder = try folderWithTraps(in: parent)
        var graph = ONNXGraph(name: "g")
        let entries = [ONNXEntry("location", location)] + options.map { ONNXEntry($0.key, $0.value) }
        graph.initializers = [
            ONNXTensor(
                name: "w", dims: [2], dataType: ONNXDataType(.float32),
                payload: .external(ONNXExternalData(entries: entries)))
        ]
        try ONNXModel(graph: graph, opsets: [], irVersion: 10).write(to: folder + "/m.onnx")

        let place = "m.onnx › graph 'g' › initializer 'w' › external data '\(location)'"
        let message = sentence {
            let model = try ONNXModel(contentsOf: folder + "/m.onnx")
            #expect(try model.graph.initializers.first?.tensor().floats == [1, 2])
        }
        #expect(message == (complaint.isEmpty ? "no error" : "\(place): \(complaint)"))
    }

    /// A model's folder, with links that lead out of it and a pipe that nobody writes to.
    private func folderWithTraps(in parent: TemporaryFolder) throws -> String {
        let folder = parent("model")
        for path in [folder, folder + "/sub"] { #expect(mkdir(path, 0o755) == 0) }
        for path in [parent("outside.bin"), folder + "/inside.bin", folder + "/sub/inside.bin"] {
            try AtomicFile.write([0, 0, 0x80, 0x3F, 0, 0, 0, 0x40], to: path)
        }
        #expect(symlink("../outside.bin", folder + "/link.bin") == 0)
        #expect(symlink("..", folder + "/folderlink") == 0)
        #expect(mkfifo(folder + "/pipe", 0o644) == 0)
        return folder
    }

    static let outside =
        "is not a path inside the model's folder; move the file into the folder and name it relative to it"
    static let link =
        "is, or leads through, a symbolic link or a file that is no folder; "
        + "copy the file itself into the model's folder"
}

extension ONNXHostileFileTests {
    /// A version and a name that leave no doubt what the rest is.
    static let version = [0x08, 0x0A] + text(2, String(repeating: "x", count: 64))
    static let theNode = "graph 'g' › node 'n' (Op)"
    static let theTensor = "graph 'g' › initializer 'w'"
    static let minusOne = [UInt8](repeating: 0xFF, count: 9) + [0x01]
    /// The number 2⁶².
    static let huge = [UInt8](repeating: 0x80, count: 8) + [0x40]

    /// A field of the wire format whose content has a length.
    static func field(_ number: Int, _ content: [UInt8]) -> [UInt8] {
        varint(number << 3 | 2) + varint(content.count) + content
    }

    static func varint(_ value: Int) -> [UInt8] {
        value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7F | 0x80)] + varint(value >> 7)
    }

    static func text(_ number: Int, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }

    /// A model with one node whose attribute `a` has these fields.
    static func attribute(_ content: [UInt8]) -> [UInt8] {
        let node = text(3, "n") + text(4, "Op") + field(5, text(1, "a") + content)
        return version + field(7, field(1, node) + text(2, "g"))
    }

    /// A model with one initialiser `w` that has these fields.
    static func initializer(_ content: [UInt8]) -> [UInt8] {
        version + field(7, text(2, "g") + field(5, content + text(8, "w")))
    }
}
