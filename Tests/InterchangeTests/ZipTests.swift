import FerryEngine
import FerryInterchange
import OrderedCollections
import Testing

@Suite struct ZipTests {
    @Test(
        arguments: [
            ("plain.zip", ["a": "hello", "b": "world"]),
            ("unicode.zip", ["größe/мир.txt": "\0\u{1}"]),
            ("folder.zip", ["assets/x": "x"]),
            ("windows.zip", ["a/b.txt": "x"]),
            ("zip64.zip", ["a": "hello"]),
            ("empty.zip", [:]),
        ] as [(String, OrderedDictionary<String, String>)])
    func reads(file: String, members: OrderedDictionary<String, String>) throws {
        let expected = members.mapValues { Array($0.utf8) }
        #expect(try ZipArchive.read(numpyFixture(file)) == expected)
        #expect(try ZipArchive.read(FileBytes.read(numpyFixture(file))) == expected)
    }

    @Test(arguments: [
        ("climbing.zip", "member 'a/../../b': leads out of the archive; names are relative paths without '..'"),
        ("absolute.zip", "member '/etc/x': leads out of the archive; names are relative paths without '..'"),
        ("twice.zip", "member 'a': occurs twice"),
        ("encrypted.zip", "member 'a': is encrypted; write the archive without a password"),
        ("bzip2.zip", "member 'a': is compressed by method 12; Ferry reads stored (0) and deflated (8) members"),
        ("checksum.zip", "member 'a': is damaged: its checksum does not fit"),
    ]) func refuses(file: String, text: String) throws {
        #expect(sentence { _ = try ZipArchive.read(numpyFixture(file)) } == "\(file) › \(text)")
    }

    @Test func refusesWhatIsNoArchive() throws {
        let plain = try FileBytes.read(numpyFixture("plain.zip"))
        let text = "is not a zip archive, or its end is missing"
        for bytes in [[], Array("hello".utf8), Array(plain.dropLast(30))] {
            #expect(sentence { _ = try ZipArchive.read(bytes) } == text)
        }
        #expect(sentence { _ = try ZipArchive.read(numpyFixture("row.npy")) } == "row.npy: " + text)
        #expect(
            sentence { _ = try ZipArchive.read("missing.zip") }
                == "missing.zip: no such file; the path is 'missing.zip'")
    }

    @Test func refusesClaimsBeyondReason() {
        #expect(
            sentence { _ = try ZipArchive.read(numpyFixture("claims.zip")) }
                == "claims.zip › member 'a': claims 4026531840 bytes, 4026531840 with those before, in a file of 188; "
                + "Ferry reads at most 67108864 from it")
    }

    /// Any single damaged byte gives the members, or a sentence, but never a crash.
    @Test(arguments: ["plain.zip", "types.npz", "zip64.zip", "unicode.zip"])
    func damageIsHarmless(_ file: String) throws {
        let bytes = try FileBytes.read(numpyFixture(file))
        for index in stride(from: 0, to: bytes.count, by: bytes.count > 1000 ? 7 : 1) {
            for flip in [0x01, 0x80, 0xFF] as [UInt8] {
                var damaged = bytes
                damaged[index] ^= flip
                do { _ = try ZipArchive.read(damaged) } catch { #expect(error is FerryError) }
            }
        }
        for count in 0..<bytes.count where count % 11 == 0 || bytes.count < 1000 {
            do { _ = try ZipArchive.read(Array(bytes.prefix(count))) } catch { #expect(error is FerryError) }
        }
    }

    @Test func writesWhatItReads() throws {
        let folder = try TemporaryFolder()
        let members: OrderedDictionary<String, [UInt8]> = [
            "metadata.json": Array("{}".utf8), "größe.bin": [0, 255], "empty": [],
            "assets/large": [UInt8](repeating: 7, count: 300_000),
        ]
        let bytes = try ZipArchive.bytes(of: members)
        #expect(try ZipArchive.read(bytes) == members)
        #expect(ZipArchive.isZip(bytes.prefix(4)))
        try ZipArchive.write(members, to: folder("a.zip"))
        #expect(try FileBytes.read(folder("a.zip")) == bytes)
        #expect(folder.names == ["a.zip"])
        try ZipArchive.write([:], to: folder("a.zip"))
        #expect(try ZipArchive.read(folder("a.zip")) == [:])
        #expect(ZipArchive.isZip(try FileBytes.read(folder("a.zip"))))
    }

    /// Date, permissions and flags included; only the versions of the writer differ.
    @Test func writesAsPythonDoes() throws {
        let plain = try FileBytes.read(numpyFixture("plain.zip"))
        let bytes = try ZipArchive.bytes(of: ["a": Array("hello".utf8), "b": Array("world".utf8)])
        let versions: Set = [4, 40, 76, 78, 123, 125]
        #expect(bytes.indices.filter { bytes[$0] != plain[$0] }.allSatisfy(versions.contains))
        #expect(bytes.count == plain.count)
    }

    @Test func refusesToWriteUnsafeNames() {
        #expect(
            sentence { try ZipArchive.write(["../a": []], to: "x.zip") }
                == "x.zip › member '../a': leads out of the archive; names are relative paths without '..'")
        #expect(throws: Never.self) { try ZipArchive.bytes(of: ["/a": []], names: .keys) }
    }
}
