import FerryEngine
import FerryInterchange
import Testing

/// The path of a file in `fixtures/onnx-file`.
func onnxFixture(_ name: String) -> String {
    #filePath.parentFolder.parentFolder.parentFolder + "/fixtures/onnx-file/" + name
}

private func edited<Value>(_ value: Value, _ change: (inout Value) -> Void) -> Value {
    var copy = value
    change(&copy)
    return copy
}

@Suite struct ONNXFileTests {
    @Test(arguments: ["every_message.onnx", "element_types.onnx", "external/model.onnx"])
    func aModelIsTheSameAfterItWasWrittenAndRead(file: String) throws {
        let model = try ONNXModel(contentsOf: onnxFixture(file))
        let bytes = try model.bytes()
        let again = try ONNXModel(bytes: bytes)
        #expect(again == model)
        #expect(try again.bytes() == bytes)
        #expect(model.unknownFields == [])
    }

    @Test func aModelIsWrittenToAFileAndReadFromIt() throws {
        let folder = try TemporaryFolder()
        let model = try ONNXModel(contentsOf: onnxFixture("every_message.onnx"))
        try model.write(to: folder("model.onnx"))
        #expect(try ONNXModel(contentsOf: folder("model.onnx")) == model)
    }

    @Test func everyMessageIsRead() throws {
        let model = try ONNXModel(contentsOf: onnxFixture("every_message.onnx"))
        #expect(model.irVersion == 10)
        #expect(model.opsets == [ONNXOpset(version: 20), ONNXOpset(domain: "here", version: 1)])
        #expect([model.producerName, model.producerVersion, model.domain] == ["fixture", "1.0", "org.example"])
        #expect(model.modelVersion == 3)
        #expect(model.metadata["author"] == "nobody")
        #expect(model.deviceConfigurations.count == 1)
        #expect(model.trainingInfo.first?.updateBindings == [ONNXEntry("t", "y")])

        let graph = model.graph
        #expect([graph.name, graph.docString] == ["main", "A graph."])
        #expect(graph.initializers.map(\.name) == ["t", "names"])
        #expect(graph.initializers.last?.payload == .strings(["alpha", "bêta"]))
        #expect(graph.sparseInitializers.first?.dims == [4])
        #expect(graph.quantizationAnnotations.first?.parameters["SCALE_TENSOR"] == "s")
        #expect(graph.valueInfo.map(\.name) == ["between"])

        let function = try #require(model.functions.first)
        #expect([function.domain, function.name, function.overload] == ["here", "Twice", "first"])
        #expect(function.attributes == ["factor"])
        #expect(function.attributeDefaults == [edited(ONNXAttribute("offset", .float(0))) { $0.docString = "" }])
        #expect(function.nodes.first?.attributes.first?.value == .reference("factor", .float))
    }

    @Test func everyKindOfAttributeIsRead() throws {
        let node = try #require(try ONNXModel(contentsOf: onnxFixture("every_message.onnx")).graph.nodes.first)
        #expect([node.name, node.opType, node.domain, node.overload] == ["all", "Everything", "here", "second"])
        #expect(node.inputs == ["x", "", "t"])
        #expect(node.outputs == ["y", ""])
        #expect(node.metadata["namespace"] == "layers/0")
        #expect(node.deviceConfigurations.count == 1)

        let values = Dictionary(uniqueKeysWithValues: node.attributes.map { ($0.name, $0.value) })
        #expect(Set(values.values.map(\.kind)) == Set(ONNXAttribute.Kind.allCases.filter { $0 != .undefined }))
        #expect(values["float"] == .float(1.5))
        #expect(values["int"] == .int(-(1 << 40)))
        #expect(values["string"] == .string([0x61, 0, 0xFF]))
        #expect(values["string"]?.text == nil)
        #expect(values["floats"] == .floats([1.5, 2.5]))
        #expect(values["ints"] == .ints([1, -2]))
        #expect(values["no_ints"] == .ints([]))
        #expect(values["strings"]?.texts == ["Sigmoid", ""])
        #expect(node.attributes.first?.docString == "A float.")
        guard case .tensor(let tensor) = values["tensor"], case .graph(let inner) = values["graph"] else {
            Issue.record("the attributes 'tensor' and 'graph' have other kinds")
            return
        }
        #expect(try tensor.tensor() == Tensor([1, 2, 3, 4] as [Float], shape: [2, 2]))
        #expect(inner.nodes.map(\.name) == ["copy"])
    }

    @Test func everyKindOfTypeIsRead() throws {
        let outputs = try ONNXModel(contentsOf: onnxFixture("every_message.onnx")).graph.outputs
        let shape = [
            edited(ONNXDimension(.named("batch"))) { $0.denotation = "DATA_BATCH" }, ONNXDimension(.unknown),
            ONNXDimension(.fixed(4)),
        ]
        let images = edited(ONNXType.tensor(.float32, shape)) { $0.denotation = "IMAGE" }
        let sequence = ONNXType(.sequence(images))
        #expect(
            outputs.map(\.type) == [
                images, .tensor(.int64, []), .tensor(.bool, nil),
                ONNXType(.sparseTensor(ONNXDataType(.float64), [ONNXDimension(.fixed(3))])), sequence,
                ONNXType(.optional(sequence)), ONNXType(.map(key: .string, value: images)),
                ONNXType(.opaque(domain: "here", name: "thing")), ONNXType(.unknown),
            ])
    }

    @Test(arguments: [
        "float", "double", "float16", "bfloat16", "int32", "int16", "int8", "uint16", "uint8", "bool", "int64",
        "uint32",
        "uint64",
    ])
    func typedFieldsAndRawBytesGiveTheSameTensor(type: String) throws {
        let typed = try initializer(type).tensor()
        #expect(try typed == initializer(type + ".raw").tensor())
        #expect(typed.shape == [2, 3])
        #expect(typed.count == 6)
    }

    @Test func elementsKeepTheirValues() throws {
        #expect(try initializer("int8").tensor().ints == [-128, 127, 0, 1, 100, 126])
        #expect(try initializer("uint16").tensor().ints == [0, 65535, 0, 1, 100, 65534])
        #expect(try initializer("uint64").tensor().elements(UInt64.self)[1] == .max)
        #expect(try initializer("bool").tensor().elements() == [true, false, true, true, false, false])
    }

    @Test(arguments: ["complex64", "complex128", "float8e4m3fn", "int4"])
    func elementsThatFerryHasNoTypeForAreCarriedAlong(type: String) throws {
        let typed = try initializer(type)
        #expect(try typed.payload == initializer(type + ".raw").payload)
        #expect(
            sentence { _ = try typed.tensor() }
                == "tensor '\(type)': has elements of type \(type); Ferry computes with float32, float64, float16, "
                + "bfloat16, int8, int16, int32, int64, uint8, uint16, uint32, uint64, bool")
    }

    @Test func everyTypeOfFerryHasANumber() {
        #expect(DType.allCases.allSatisfy { ONNXDataType($0).dtype == $0 })
        #expect(ONNXDataType(99).description == "type 99")
    }

    @Test func aTextWithAZeroCharacterCannotBeWritten() {
        let model = ONNXModel(graph: ONNXGraph(name: "a\0b"), opsets: [], irVersion: 10)
        #expect(sentence { _ = try model.bytes() } == "the text 'a\\u{0}b' contains a zero character")
    }

    @Test func modelsAreToldFromOtherFiles() throws {
        for file in ["every_message.onnx", "element_types.onnx", "external/model.onnx"] {
            let bytes = try FileBytes.prefix(of: onnxFixture(file), 64)
            for count in 2...bytes.count { #expect(ONNXModel.looksLikeONNX(firstBytes: Array(bytes.prefix(count)))) }
        }
        let others: [[UInt8]] = [
            [], Array("PK\u{3}\u{4}".utf8), [0x89] + Array("HDF\r\n\u{1A}\n".utf8), Array("{\"a\": 1}".utf8),
            Array("\u{93}NUMPY".utf8), [0x80, 0x02, 0x8A],
            // A saved model of TensorFlow, a model of Core ML, a graph of TensorFlow.
            [0x08, 0x01, 0x12, 0x03, 0x0A, 0x01, 0x12], [0x08, 0x01, 0x12, 0x82, 0x01, 0x0A, 0x05],
            [0x0A, 0x20, 0x0A, 0x01, 0x78, 0x12, 0x0B],
        ]
        for bytes in others { #expect(!ONNXModel.looksLikeONNX(firstBytes: bytes), "\(bytes)") }
    }

    private func initializer(_ name: String) throws -> ONNXTensor {
        let tensors = try ONNXModel(contentsOf: onnxFixture("element_types.onnx")).graph.initializers
        return try #require(tensors.first { $0.name == name })
    }
}
