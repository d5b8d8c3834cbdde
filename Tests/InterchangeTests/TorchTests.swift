import FerryEngine
import FerryInterchange
import FerryRuntime
import FerryTestSupport
import OrderedCollections
import Testing

/// PyTorch's state dicts predict what PyTorch recorded, and come back bit for bit.
struct TorchTests {
    static let fixtures = Fixture.all(in: "torch").filter { $0.caseName != "files" }
    private static let files = Fixture.root + "/fixtures/torch/files/"

    @Test(arguments: fixtures)
    func predictsWhatWasRecorded(_ fixture: Fixture) throws {
        let outputs = try InferenceSession(fixture.torchModel()).predict(fixture.recorded("in"))
        for (a, b) in zip(outputs, try fixture.recorded("out")) {
            expectClose(a, b, within: .relative(1e-5), fixture.name)
        }
    }

    @Test(arguments: fixtures, ["again.pt", "again.safetensors"])
    func comesBackBitForBitThroughAModel(_ fixture: Fixture, _ file: String) throws {
        let folder = try TemporaryFolder()
        try fixture.torchModel().write(to: folder(file))
        let (again, original) = (try StateDict(contentsOf: folder(file)), try StateDict(contentsOf: fixture.path))
        #expect(Set(again.tensors.keys) == Set(original.tensors.keys))
        for (name, tensor) in original.tensors { #expect(again.tensors[name] == tensor, "\(name)") }
    }

    /// The file, and the case whose tensors PyTorch read from it.
    static let containers = [
        ("dtypes.pt", "dtypes"), ("dtypes.protocol4.pt", "dtypes"), ("dtypes.legacy.pt", "dtypes"),
        ("shapes.pt", "shapes"), ("shapes.protocol4.pt", "shapes"), ("shapes.legacy.pt", "shapes"),
        ("safe.safetensors", "safe"), ("checkpoint.pt", "checkpoint"), ("checkpoint.legacy.pt", "checkpoint"),
        ("script.jit", "script"),
    ]

    @Test(arguments: containers)
    func readsTheBytesThatPyTorchReads(_ file: String, _ name: String) throws {
        let stateDict = try StateDict(contentsOf: Self.files + file)
        let expected = try NPZFile.read("\(Self.files)\(name).npz")
        #expect(Set(stateDict.tensors.keys) == Set(expected.keys))
        for (name, bytes) in expected {
            #expect(stateDict.tensors[name]?.bytes == bytes.elements(UInt8.self), "\(name)")
        }
    }

    @Test(arguments: containers.map(\.0), ["again.pt", "again.safetensors"])
    func comesBackBitForBit(_ file: String, _ target: String) throws {
        var stateDict = try StateDict(contentsOf: Self.files + file)
        if target.hasSuffix("safetensors") { stateDict.tensors["x.complex128"] = nil }
        let folder = try TemporaryFolder()
        try stateDict.write(to: folder(target))
        let again = try StateDict(contentsOf: folder(target))
        #expect(again.tensors == stateDict.tensors)
        if target.hasSuffix("pt") { #expect(again.ties == stateDict.ties) }
    }

    @Test func tiedTensorsStayTied() throws {
        #expect(try StateDict(contentsOf: Self.files + "shapes.pt").ties == ["tied_too": "tied"])
    }

    @Test func theFileIsTheLibrarysOwn() throws {
        let folder = try TemporaryFolder()
        try StateDict(contentsOf: Self.files + "safe.safetensors").write(to: folder("x.safetensors"))
        // The library writes no texts where it was given none; Ferry says that PyTorch's layout is meant.
        let own = try FileBytes.read(Self.files + "safe.safetensors")
        #expect(try FileBytes.read(folder("x.safetensors")).suffix(64) == own.suffix(64))
    }

    @Test func textsBesideTheTensorsAreKept() throws {
        let path = Fixture.root + "/fixtures/torch/lstm/model.safetensors"
        let folder = try TemporaryFolder()
        try StateDict(contentsOf: path).write(to: folder("x.safetensors"))
        let metadata = try StateDict(contentsOf: folder("x.safetensors")).metadata
        #expect(metadata["format"] == "pt" && metadata["author"] == "fixture" && metadata.count == 2)
        let notes = try StateDict(contentsOf: path).write(to: folder("x.pt"))
        #expect(notes == ["'author' beside the tensors was left out: a .pt state dict has no room for texts"])
    }

    @Test func checkpointsSayWhatWasIgnored() throws {
        #expect(
            try StateDict(contentsOf: Self.files + "checkpoint.pt").notes == [
                "the tensors of 'model_state_dict' were taken", "'epoch' (a number) was ignored",
                "'optimizer_state_dict' (a dictionary) was ignored", "'loss' (a number) was ignored",
                "'names' (a list) was ignored",
            ])
    }

    @Test func prefixesOfParallelModulesAreKept() throws {
        let path = Self.files + "data_parallel.pth"
        let model = try Model(
            contentsOf: path,
            options: ReadOptions(architecture: "lstm:in=3,hidden=4,name=encoder -> linear:2,name=head"))
        #expect(try model.stateDict().tensors == StateDict(contentsOf: path).tensors)
    }

    @Test func everyTensorBeginsAtAMultipleOf64() throws {
        let folder = try TemporaryFolder()
        let original = try StateDict(contentsOf: Fixture.root + "/fixtures/torch/lstm/model.pt")
        try original.write(to: folder("x.pt"))
        let bytes = try FileBytes.read(folder("x.pt"))
        for (name, tensor) in original.tensors {
            let places = bytes.indices.filter { bytes[$0...].starts(with: tensor.bytes) }
            #expect(places.contains { $0 % 64 == 0 }, "\(name)")
        }
    }

    @Test func twoBiasesBecomeOneAndComeBack() throws {
        let model = try Model {
            Input(nil, 3)
            LSTM(2)
        }
        let tensors = try model.stateDict().tensors
        #expect(tensors.keys == ["lstm.weight_ih_l0", "lstm.weight_hh_l0", "lstm.bias_ih_l0", "lstm.bias_hh_l0"])
        #expect(tensors["lstm.bias_hh_l0"]?.bytes == [UInt8](repeating: 0, count: 32))
        #expect(tensors["lstm.weight_ih_l0"]?.shape == [8, 3])
    }

    /// Changed parameters are written anew, under the names of the file.
    @Test func aTrainedLayerIsNotTheFilesAnyMore() throws {
        let fixture = try #require(Self.fixtures.first { $0.caseName == "lstm" })
        let model = try fixture.torchModel()
        var parameters = model.parameters
        let bias = try parameters.required("lstm/bias")
        parameters["lstm/bias"] = bias + Tensor(scalar: Float(1))
        let changed = try Model(
            name: model.name, graph: model.graph, parameters: parameters, metadata: model.metadata
        ).stateDict()
        #expect(changed.tensors.keys == (try model.stateDict().tensors.keys))
        let sum = try #require(changed.tensors["lstm0.bias_ih_l0"]).tensor()
        #expect(sum == LSTM.gateOrder.reorder(bias + Tensor(scalar: Float(1)), axis: 0, to: LSTM.torchGates.torch))
    }
}

extension Fixture {
    /// The state dict with its description.
    func torchModel() throws -> Model {
        let text = String(decoding: try FileBytes.read(path.parentFolder + "/architecture.txt"), as: UTF8.self)
        return try Model(
            contentsOf: path, options: ReadOptions(architecture: String(text.prefix { $0 != "\n" })))
    }
}

extension String {
    fileprivate var parentFolder: String { String(prefix(upTo: lastIndex(of: "/") ?? endIndex)) }
}
