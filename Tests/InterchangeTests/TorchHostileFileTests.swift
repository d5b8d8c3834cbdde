import FerryEngine
import FerryInterchange
import FerryTestSupport
import OrderedCollections
import Testing

/// Files that were made to do harm are refused with a sentence.
struct TorchHostileFileTests {
    private func sentence(_ bytes: [UInt8], _ name: String = "x.pt") throws -> String {
        let folder = try TemporaryFolder()
        try AtomicFile.write(bytes, to: folder(name))
        return InterchangeTests.sentence { _ = try StateDict(contentsOf: folder(name)) }
    }

    // safetensors

    private func safetensors(_ header: String, data: Int = 0, length: UInt64? = nil) throws -> String {
        let text = Array(header.utf8)
        let size = withUnsafeBytes(of: (length ?? UInt64(text.count)).littleEndian) { [UInt8]($0) }
        return try sentence(size + text + [UInt8](repeating: 0, count: data), "x.safetensors")
    }

    @Test func hugeHeader() throws {
        #expect(
            try safetensors("{\"a\":1}", length: .max)
                == "x.safetensors › header: claims 18446744073709551615 bytes; at most 100000000")
    }

    @Test func headerBeyondTheFile() throws {
        #expect(
            try safetensors("{\"a\":1}", length: 1000)
                == "x.safetensors › header: claims 1000 bytes of a file of 15; a whole file; save or download it again")
    }

    @Test func duplicateKeys() throws {
        let entry = "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}"
        let text = try safetensors("{\(entry),\(entry)}", data: 1)
        #expect(text == "x.safetensors › header › line 1, column 54: the key 'a' occurs twice")
    }

    @Test(arguments: [
        ("[0,4],[2,6]", 6, " › tensor 'b': begins at byte 2; byte 4, where the one before ends"),
        ("[0,4],[8,12]", 12, " › tensor 'b': begins at byte 8; byte 4, where the one before ends"),
        (
            "[0,4],[4,8]", 12,
            ": 12 bytes follow the header; the 8 bytes of the tensors; save or download it again"
        ),
        ("[0,4],[4,12]", 12, " › tensor 'b': 8 bytes; 4, which F32 [1] needs"),
        (
            "[0,4],[4,8000]", 8,
            " › tensor 'b': data_offsets [4, 8000]; a part of the 8 bytes that follow the header"
        ),
        ("[0,4],[8,4]", 8, " › tensor 'b': data_offsets [8, 4]; a part of the 8 bytes that follow the header"),
        ("[0,4],[-4,0]", 8, " › tensor 'b': data_offsets [-4, 0]; a part of the 8 bytes that follow the header"),
    ])
    func overlappingAndMissingBytes(_ offsets: String, _ data: Int, _ expected: String) throws {
        let parts = offsets.replacing("],[", with: "]|[").split(separator: "|")
        let entries = zip(["a", "b"], parts).map {
            "\"\($0)\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":\($1)}"
        }
        #expect(
            try safetensors("{\(entries.joined(separator: ","))}", data: data)
                == "x.safetensors\(expected)")
    }

    @Test func shapeThatOverflows() throws {
        let text = try safetensors(
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}")
        #expect(text == "x.safetensors › tensor 'a': shape [4294967296, 4294967296]; lengths")
    }

    @Test func unknownType() throws {
        let text = try safetensors("{\"a\":{\"dtype\":\"F1\",\"shape\":[],\"data_offsets\":[0,0]}}")
        #expect(text.hasPrefix("x.safetensors › tensor 'a': dtype 'F1'; one of BF16, BOOL, "))
    }

    // Pickles, in an archive.

    private func archive(_ pickle: [UInt8], storage: Int = 16) throws -> String {
        let folder = try TemporaryFolder()
        let members: OrderedDictionary<String, [UInt8]> = [
            "archive/data.pkl": pickle, "archive/data/0": [UInt8](repeating: 0, count: storage),
            "archive/version": Array("3\n".utf8),
        ]
        try ZipArchive.write(members, to: folder("x.pt"))
        return InterchangeTests.sentence { _ = try StateDict(contentsOf: folder("x.pt")) }
    }

    private static let start: [UInt8] = [0x80, 2]

    /// `name: _rebuild_tensor_v2(storage of `count` floats, offset, shape, strides)` in a dictionary.
    private func tensor(_ offset: Int, _ shape: [Int], _ strides: [Int], count: Int = 4) -> [UInt8] {
        func global(_ path: String) -> [UInt8] { Array("c\(path)\n".utf8) }
        func text(_ text: String) -> [UInt8] { [0x8C, UInt8(text.utf8.count)] + Array(text.utf8) }
        func integer(_ value: Int) -> [UInt8] {
            [0x8A, 8] + withUnsafeBytes(of: Int64(value).littleEndian) { [UInt8]($0) }
        }
        func tuple(_ values: [Int]) -> [UInt8] { Array("(".utf8) + values.flatMap(integer) + Array("t".utf8) }
        let storage =
            Array("(".utf8) + text("storage") + global("torch\nFloatStorage") + text("0") + text("cpu")
            + integer(count) + Array("tQ".utf8)
        let call = global("torch._utils\n_rebuild_tensor_v2") + Array("(".utf8) + storage + integer(offset)
        let arguments = tuple(shape) + tuple(strides) + [0x89] + Array("}tR".utf8)
        return Self.start + Array("}".utf8) + text("w") + call + arguments + Array("s.".utf8)
    }

    @Test func aSoundPickleIsRead() throws {
        #expect(try archive(tensor(0, [2, 2], [2, 1])) == "no error")
    }

    @Test(arguments: [
        ("os", "system"), ("posix", "system"), ("builtins", "eval"), ("subprocess", "Popen"), ("__torch__", "Net"),
        ("torch.hub", "load"), ("argparse", "Namespace"),
    ])
    func pickleCallingOutside(_ module: String, _ name: String) throws {
        let pickle =
            Self.start + Array("c\(module)\n\(name)\n".utf8) + [0x8C, 4] + Array("ls /".utf8) + [0x85, 0x52, 0x2E]
        #expect(
            try archive(pickle)
                == "x.pt › data.pkl › byte 3: the pickle refers to '\(module).\(name)'; tensors, numbers, texts, lists and dictionaries; Ferry runs no code of a file; save model.state_dict() alone"
        )
    }

    @Test func stackGlobalCallingOutside() throws {
        let pickle = [0x80, 4, 0x8C, 2] + Array("os".utf8) + [0x8C, 6] + Array("system".utf8) + [0x93, 0x2E]
        #expect(try archive(pickle).contains("the pickle refers to 'os.system'"))
    }

    @Test(arguments: [("INST", Array("(ios\nsystem\n.".utf8)), ("OBJ", Array("(o.".utf8)), ("EXT1", [0x82, 1, 0x2E])])
    func otherWaysToCall(_ name: String, _ code: [UInt8]) throws {
        #expect(
            try archive(Self.start + code).contains("the instruction \(name); the instructions that torch.save writes"))
    }

    @Test(arguments: [
        (0, [2, 3], [3, 1]), (3, [2], [1]), (0, [2, 2], [1 << 40, 1]), (1 << 62, [1], [1]), (0, [4], [2]),
    ])
    func storageOutOfRange(_ offset: Int, _ shape: [Int], _ strides: [Int]) throws {
        #expect(
            try archive(tensor(offset, shape, strides))
                == "x.pt › tensor 'w': shape \(shape) from element \(offset) in memory of 16 bytes; a tensor that fits into its memory"
        )
    }

    @Test(arguments: [
        (-1, [1], [1]), (0, [-1], [1]), (0, [1], [-1]), (0, [1 << 62, 1 << 62], [0, 0]), (0, [3, 3], [.max, .max]),
        (.max, [2], [1]), (0, [1], []),
    ])
    func negativeOffsetsAndStrideOverflow(_ offset: Int, _ shape: [Int], _ strides: [Int]) throws {
        #expect(
            try archive(tensor(offset, shape, strides))
                == "x.pt › data.pkl: a tensor of shape \(shape) with strides \(strides) from element \(offset); numbers that fit each other"
        )
    }

    /// A tensor of stride 0 repeats one number for ever.
    @Test func memoryBombByStrideZero() throws {
        #expect(
            try archive(tensor(0, [1 << 30, 4], [0, 1]))
                == "x.pt › tensor 'w': the tensors repeat their memory many times over; at most 16 times")
    }

    @Test func memoBomb() throws {
        // Each tuple holds the one before twice: 2⁶⁰ numbers, if one followed all of them.
        var pickle = Self.start + [0x4B, 1]
        for _ in 0..<60 { pickle += [0x94, 0x68, UInt8(0)] + [0x86] }
        var doubling = Self.start + [0x4B, 1]
        for number in 0..<60 { doubling += [0x71, UInt8(number), 0x68, UInt8(number), 0x86] }
        for bomb in [pickle, doubling] {
            let text = try archive(bomb + [0x2E])
            #expect(text.contains("values nested 64 times or 1000000 of them") || text.contains("without tensors"))
        }
    }

    @Test func deepNesting() throws {
        let deep = [UInt8](repeating: 0x5D, count: 100_000) + [UInt8](repeating: 0x61, count: 99_999)
        #expect(
            try archive(Self.start + deep + [0x2E])
                == "x.pt › data.pkl: values nested 64 times or 1000000 of them; a state dict; save model.state_dict()")
    }

    /// A dictionary that holds itself.
    @Test func cycle() throws {
        let pickle =
            Self.start + Array("}".utf8) + [0x71, 0, 0x8C, 1] + Array("a".utf8) + [0x68, 0] + Array("s.".utf8)
        #expect(try archive(pickle).contains("nested 64 times"))
    }

    @Test(arguments: [
        Array("0.".utf8), Array("R.".utf8), Array("t.".utf8), [0x85, 0x2E], [0x68, 7, 0x2E], Array("}b.".utf8),
        Array("s.".utf8), Array("(e.".utf8), Array("(u.".utf8), [0x94, 0x2E], Array("Q.".utf8), [],
        [0x58, 255, 255, 255, 255],
        [0x8D, 255, 255, 255, 255, 255, 255, 255, 255], Array("cos".utf8), [0x4B],
    ])
    func instructionsThatMisuseTheStack(_ code: [UInt8]) throws {
        #expect(try archive(Self.start + code).hasPrefix("x.pt › data.pkl › byte "))
    }

    @Test func zipBomb() throws {
        // No state dict has such a description.
        let text = try archive([UInt8](repeating: 0x28, count: (64 << 20) + 1))
        #expect(text == "x.pt › data.pkl: 67108865 bytes; at most 67108864")
    }

    @Test func oldArchives() throws {
        var tar = [UInt8](repeating: 0, count: 512)
        tar.replaceSubrange(257..<262, with: Array("ustar".utf8))
        #expect(
            try sentence(tar)
                == "x.pt: is a tar archive of PyTorch 0.1; a file that torch.save has written since PyTorch 0.2; load it in PyTorch and save its state dict again"
        )
        let files = Fixture.root + "/fixtures/torch/files/"
        #expect(
            InterchangeTests.sentence { _ = try StateDict(contentsOf: files + "plain.pkl") }
                == "plain.pkl: is a pickle that torch.save did not write; a file that torch.save has written since PyTorch 0.2; load it in PyTorch and save its state dict again"
        )
        #expect(
            InterchangeTests.sentence { _ = try StateDict(contentsOf: files + "namespace.pt") }.contains(
                "the pickle refers to 'argparse.Namespace'"))
    }

    /// Every prefix of sound files, and every file with one byte changed, ends with tensors or a sentence.
    @Test(arguments: ["shapes.pt", "shapes.legacy.pt", "safe.safetensors", "checkpoint.legacy.pt"])
    func damagedFilesNeverCrash(_ name: String) throws {
        let sound = try FileBytes.read(Fixture.root + "/fixtures/torch/files/" + name)
        let folder = try TemporaryFolder()
        var random = RandomSource(seed: 7)
        for round in 0..<150 {
            var bytes = sound
            if round % 3 == 0 {
                bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random))
            } else {
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
            }
            try AtomicFile.write(bytes, to: folder("x"))
            do { _ = try StateDict(contentsOf: folder("x")) } catch let error as FerryError {
                #expect(error.description.hasPrefix("x"))
            }
        }
    }
}
