import FerryEngine
import FerryInterchange
import OrderedCollections
import Testing

/// The path of a file in `fixtures/numpy`.
func numpyFixture(_ name: String) -> String {
    #filePath.parentFolder.parentFolder.parentFolder + "/fixtures/numpy/" + name
}

private let types: [(String, DType)] = [
    ("f2", .float16), ("f4", .float32), ("f8", .float64), ("i1", .int8), ("i2", .int16), ("i4", .int32),
    ("i8", .int64), ("u1", .uint8), ("u2", .uint16), ("u4", .uint32), ("u8", .uint64), ("b1", .bool),
]

@Suite struct NPYTests {
    @Test(arguments: ["version1.npy", "version2.npy", "version3.npy"]) func readsEachVersion(_ file: String) throws {
        #expect(try NPYFile.read(numpyFixture(file)) == Tensor([0, 1, 2, 3, 100, 127] as [Float], shape: [2, 3]))
    }

    @Test(arguments: types) func readsEachType(code: String, dtype: DType) throws {
        let arrays = try NPZFile.read(numpyFixture("types.npz"))
        let values = Tensor([0, 1, 2, 3, 100, 127] as [Int32], shape: [2, 3])
        let flags = Tensor([false, true, true, true, true, true], shape: [2, 3])
        let expected = dtype == .bool ? flags : values.cast(to: dtype)
        #expect(arrays[code] == expected)
        #expect(arrays["big_" + code] == expected)
    }

    @Test func readsOrdersAndCorners() throws {
        let arrays = try NPZFile.read(numpyFixture("types.npz"))
        #expect(arrays["fortran"] == Tensor((0..<24).map(Float.init), shape: [2, 3, 4]))
        #expect(arrays["scalar"] == Tensor(scalar: 1.5 as Float))
        #expect(arrays["empty"] == Tensor(zeros: [0, 3]))
        #expect(arrays["vector"] == Tensor([.nan, -.infinity, -0.0, .leastNonzeroMagnitude] as [Float]))
        #expect(arrays.keys.last == "vector")
    }

    @Test func readsVoidAsBFloat16WhenAsked() throws {
        let tensor = try NPYFile.read(numpyFixture("void.npy"), void2: .bfloat16)
        #expect(tensor.dtype == .bfloat16)
        #expect(tensor.floats == [1, -3])
    }

    @Test(arguments: [
        ("objects.npy", "holds Python objects (dtype |O)"), ("strings.npy", "holds strings (dtype <U2)"),
        ("bytes.npy", "holds byte strings (dtype |S2)"), ("complex.npy", "holds complex numbers (dtype <c8)"),
        ("dates.npy", "holds dates (dtype <M8[D])"), ("long.npy", "holds floats of an unusual width (dtype <f16)"),
        ("void.npy", "holds raw bytes (dtype |V2)"),
        ("structured.npy", "holds structured records"),
    ]) func refuses(file: String, text: String) {
        let place = file == "structured.npy" ? "\(file) › header" : file
        #expect(
            sentence { _ = try NPYFile.read(numpyFixture(file)) }
                == "\(place): \(text); Ferry reads real numbers and booleans")
    }

    @Test(arguments: [
        ("matrix.npy", Tensor([0, 1, 2, 3, 4, 5] as [Float], shape: [2, 3])),
        ("row.npy", Tensor([1, -2, 3] as [Int64])), ("number.npy", Tensor(scalar: 0.1)),
        ("flags.npy", Tensor([true, false], shape: [2, 1])),
    ]) func writesAsNumPyDoes(file: String, tensor: Tensor) throws {
        #expect(try NPYFile.encode(tensor) == FileBytes.read(numpyFixture(file)))
    }

    @Test(arguments: types) func roundTrips(code: String, dtype: DType) throws {
        let tensor = Tensor((0..<24).map(Float.init), shape: [2, 3, 4]).cast(to: dtype)
        #expect(try NPYFile.decode(NPYFile.encode(tensor)) == tensor)
    }

    @Test func refusesToWriteBFloat16() throws {
        let folder = try TemporaryFolder()
        let tensor = Tensor(zeros: [2], dtype: .bfloat16)
        #expect(
            sentence { try NPYFile.write(tensor, to: folder("a.npy")) }
                == "a.npy: NumPy has no bfloat16; cast to float32 first")
        #expect(
            sentence { try NPZFile.write(["x": tensor], to: folder("a.npz")) }
                == "a.npz › array 'x': NumPy has no bfloat16; cast to float32 first")
        #expect(folder.names.isEmpty)
    }

    @Test(
        arguments: [
            ("{'descr': '<f4', 'shape': (1,), 'fortran_order': False}", 4, nil),
            ("{\"descr\":\"<f4\",\"fortran_order\":True,\"shape\":(1L,),}", 4, nil),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 4,
                "4 bytes follow the header; shape [2] of float32 needs 8"
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 5,
                "5 bytes follow the header; shape [] of float32 needs 4"
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4611686018427387904, 2), }", 0,
                "shape [0, 4611686018427387904, 2] is too large for any array"
            ),
            (
                "{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693952,), }", 0,
                "shape [2305843009213693952] is too large for any array"
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 4,
                "header: found '-1,), }'; expected a length"
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 4,
                "header: found '999999999999'; expected a length"
            ),
            (
                "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,), }", 4,
                "header: found '0, 'shape': '; expected True or False"
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, }", 4,
                "header: lacks one of 'descr', 'fortran_order' and 'shape'"
            ),
            ("{'descr': '<f4', 'descr': '<f4'}", 4, "header: key 'descr' is unknown or given twice"),
            ("{'descr': '<f4", 4, "header: found ''<f4'; expected a string that ends"),
            (
                "{'descr': '<q9', 'fortran_order': False, 'shape': (1,)}", 4,
                "unknown dtype '<q9'; Ferry reads real numbers and booleans"
            ),
            ("__import__('os')", 4, "header: found '__import__(''; expected '{'"),
        ] as [(String, Int, String?)]) func checksHeaders(header: String, dataCount: Int, text: String?)
    {
        let bytes =
            [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + header.utf8
            + [UInt8](repeating: 0, count: dataCount)
        #expect(sentence { _ = try NPYFile.decode(bytes) } == text ?? "no error")
    }

    @Test func checksTheBeginning() throws {
        let whole = try FileBytes.read(numpyFixture("matrix.npy"))
        let noFile = "is not a NumPy array file; the first bytes of one are \\x93NUMPY"
        #expect(sentence { _ = try NPYFile.decode([]) } == noFile)
        #expect(sentence { _ = try NPYFile.decode(Array("a,b".utf8)) } == noFile)
        #expect(
            sentence { _ = try NPYFile.decode(Array(whole.prefix(20))) } == "ends inside its header; 108 more bytes")
        var future = whole
        future[6] = 4
        #expect(sentence { _ = try NPYFile.decode(future) } == "has format version 4.0; Ferry reads 1.0, 2.0 and 3.0")
        for count in 0..<whole.count {
            #expect(throws: FerryError.self) { _ = try NPYFile.decode(Array(whole.prefix(count))) }
        }
    }

    /// Any damaged header byte gives a tensor, or a sentence, but never a crash.
    @Test func damageIsHarmless() throws {
        let whole = try FileBytes.read(numpyFixture("matrix.npy"))
        for index in 0..<128 {
            for byte in UInt8.min ... .max {
                var damaged = whole
                damaged[index] = byte
                do { _ = try NPYFile.decode(damaged) } catch { #expect(error is FerryError) }
            }
        }
    }

    @Test func nonBooleanBytesBecomeTrue() throws {
        var bytes = try NPYFile.encode(Tensor([true, false]))
        bytes[bytes.count - 2] = 2
        #expect(try NPYFile.decode(bytes) == Tensor([true, false]))
    }
}

@Suite struct NPZTests {
    @Test func roundTripsInOrder() throws {
        let folder = try TemporaryFolder()
        let tensors: OrderedDictionary = [
            "z": Tensor([1, 2] as [Float]), "/model/lstm:0": Tensor(scalar: 3 as Int64), "a\\b": Tensor(zeros: [0]),
        ]
        try NPZFile.write(tensors, to: folder("a.npz"))
        #expect(try NPZFile.read(folder("a.npz")) == tensors)
        #expect(try NPZFile.decode(NPZFile.encode(tensors)).keys.elements == ["z", "/model/lstm:0", "a\\b"])
    }

    @Test func locatesMistakes() throws {
        let folder = try TemporaryFolder()
        try ZipArchive.write(["x.npy": [1], "y": []], to: folder("a.npz"))
        #expect(
            sentence { _ = try NPZFile.read(folder("a.npz")) }
                == "a.npz › member 'x.npy': is not a NumPy array file; the first bytes of one are \\x93NUMPY")
        #expect(
            sentence { _ = try NPZFile.read(numpyFixture("plain.zip")) }
                == "plain.zip › member 'a': is not an array; arrays are members called NAME.npy")
    }
}

@Suite struct CSVMatrixTests {
    @Test(
        arguments: [
            ("1,2\n3,4\n", [2, 2], [1, 2, 3, 4]),
            ("1,2\r\n3,4", [2, 2], [1, 2, 3, 4]),
            ("a,\"b, \"\"c\"\"\nd\"\n1,2\n\n\r\n", [1, 2], [1, 2]),
            ("\u{FEFF}\"1.5\", -2e-3 \n", [1, 2], [1.5, -0.002]),
            ("x\n1\n2\n", [2, 1], [1, 2]),
            ("0.1,inf,1e39\n", [1, 3], [0.1, .infinity, .infinity]),
        ] as [(String, [Int], [Float])]) func reads(text: String, shape: [Int], values: [Float]) throws
    {
        #expect(try CSVMatrix.decode(Array(text.utf8)) == Tensor(values, shape: shape))
    }

    @Test(arguments: [
        ("", "holds no line of numbers"), ("a,b\n", "holds no line of numbers"), ("\n", "holds no line of numbers"),
        ("1,2\n3\n", "line 2: has 1 columns; the first line has 2"),
        ("a,b\n1,2,3\n", "line 2: has 3 columns; the first line has 2"),
        ("1,2\n3,x\n", "line 2, column 2: found 'x'; expected a number"),
        ("a,b\n\"c\nd\",1\n", "line 2, column 1: found 'c d'; expected a number"),
        ("\"a\nb\",c\n1,\n", "line 3, column 2: is empty; expected a number"),
        ("1\n\n2\n", "line 2: is blank"),
        ("1,2\n0x10,3\n", "line 2, column 1: found '0x10'; expected a number"),
        ("1,\"2", "line 1: a quote is not closed"), ("\"1\"2,3", "line 1: text follows a closing quote"),
    ]) func refuses(text: String, message: String) {
        #expect(sentence { _ = try CSVMatrix.decode(Array(text.utf8)) } == message)
    }

    @Test func namesTheFile() throws {
        let folder = try TemporaryFolder()
        try AtomicFile.write(Array("1\nx\n".utf8), to: folder("a.csv"))
        #expect(
            sentence { _ = try CSVMatrix.read(folder("a.csv")) }
                == "a.csv › line 2, column 1: found 'x'; expected a number")
    }
}
