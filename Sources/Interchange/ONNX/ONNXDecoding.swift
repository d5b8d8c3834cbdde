import CONNX
import FerryEngine

/// protobuf-c's reading of a file, in memory of its own.
final class ONNXTree {
    private let root: UnsafeMutablePointer<FerryOnnx__ModelProto>
    private let unknownFields: [String]

    deinit { ferry_onnx__model_proto__free_unpacked(root, nil) }

    /// Reads the bytes once they are known to be sound.
    init(_ bytes: [UInt8]) throws {
        guard !bytes.isEmpty else { throw FerryError.notONNX("is empty") }
        do {
            try ONNXModel.check(size: bytes.count)
            unknownFields = try bytes.withUnsafeBytes { try ONNXWireCheck($0) }.unknownFields.sorted()
            guard let root = ferry_onnx__model_proto__unpack(nil, bytes.count, bytes) else {
                throw FerryError.damaged("is damaged: a field has the wrong type")
            }
            self.root = root
        } catch {
            let looksRight = ONNXModel.looksLikeONNX(firstBytes: Array(bytes.prefix(64)))
            throw looksRight ? error : FerryError.notONNX()
        }
    }

    /// The model, with elements from `folder` where there is one; the tree loses the contents of its tensors to it.
    func model(in folder: ONNXDataFolder?) throws -> ONNXModel {
        var model = try ONNXDecoder(folder: folder).model(root)
        model.unknownFields = unknownFields
        return model
    }
}

/// Turns protobuf-c's structs into ours.
struct ONNXDecoder {
    /// Where tensors may keep their elements; nil where there are only bytes.
    let folder: ONNXDataFolder?

    func model(_ from: UnsafeMutablePointer<FerryOnnx__ModelProto>) throws -> ONNXModel {
        let c = from.pointee
        guard let graph = c.graph else {
            throw FerryError.damaged("holds no graph", expected: "the file may be cut off")
        }
        var model = ONNXModel(
            graph: try self.graph(graph), opsets: list(c.n_opset_import, c.opset_import, opset),
            irVersion: Int(c.ir_version))
        model.producerName = text(c.producer_name)
        model.producerVersion = text(c.producer_version)
        model.domain = text(c.domain)
        model.modelVersion = Int(c.model_version)
        model.docString = text(c.doc_string)
        model.metadata = list(c.n_metadata_props, c.metadata_props, entry)
        model.functions = try list(c.n_functions, c.functions, function)
        model.trainingInfo = try list(c.n_training_info, c.training_info, trainingInfo)
        model.deviceConfigurations = blocks(c.n_configuration, c.configuration)
        return model
    }

    func graph(_ from: UnsafeMutablePointer<FerryOnnx__GraphProto>) throws -> ONNXGraph {
        let c = from.pointee
        var graph = ONNXGraph(name: text(c.name))
        return try locating("graph '\(graph.name)'") {
            graph.nodes = try nodes(c.n_node, c.node)
            graph.initializers = try list(c.n_initializer, c.initializer) { initializer in
                try locating("initializer '\(text(initializer.pointee.name))'") { try tensor(initializer) }
            }
            graph.sparseInitializers = try list(c.n_sparse_initializer, c.sparse_initializer, sparseTensor)
            graph.inputs = list(c.n_input, c.input, valueInfo)
            graph.outputs = list(c.n_output, c.output, valueInfo)
            graph.valueInfo = list(c.n_value_info, c.value_info, valueInfo)
            graph.quantizationAnnotations = list(c.n_quantization_annotation, c.quantization_annotation, annotation)
            graph.docString = text(c.doc_string)
            graph.metadata = list(c.n_metadata_props, c.metadata_props, entry)
            return graph
        }
    }

    private func nodes(_ count: Int, _ from: Messages<FerryOnnx__NodeProto>?) throws -> [ONNXNode] {
        var index = -1
        return try list(count, from) { node in
            index += 1
            let name = text(node.pointee.name)
            let place = name.isEmpty ? "node \(index)" : "node '\(name)'"
            return try locating("\(place) (\(text(node.pointee.op_type)))") { try self.node(node) }
        }
    }

    private func node(_ from: UnsafeMutablePointer<FerryOnnx__NodeProto>) throws -> ONNXNode {
        let c = from.pointee
        var node = ONNXNode(
            text(c.op_type), domain: text(c.domain), name: text(c.name), inputs: texts(c.n_input, c.input),
            outputs: texts(c.n_output, c.output), attributes: try list(c.n_attribute, c.attribute, attribute))
        node.overload = text(c.overload)
        node.docString = text(c.doc_string)
        node.metadata = list(c.n_metadata_props, c.metadata_props, entry)
        node.deviceConfigurations = blocks(c.n_device_configurations, c.device_configurations)
        return node
    }

    private func function(_ from: UnsafeMutablePointer<FerryOnnx__FunctionProto>) throws -> ONNXFunction {
        let c = from.pointee
        var function = ONNXFunction(name: text(c.name), domain: text(c.domain))
        return try locating("function '\(function.name)'") {
            function.overload = text(c.overload)
            function.inputs = texts(c.n_input, c.input)
            function.outputs = texts(c.n_output, c.output)
            function.attributes = texts(c.n_attribute, c.attribute)
            function.attributeDefaults = try list(c.n_attribute_proto, c.attribute_proto, attribute)
            function.nodes = try nodes(c.n_node, c.node)
            function.opsets = list(c.n_opset_import, c.opset_import, opset)
            function.valueInfo = list(c.n_value_info, c.value_info, valueInfo)
            function.docString = text(c.doc_string)
            function.metadata = list(c.n_metadata_props, c.metadata_props, entry)
            return function
        }
    }

    private func trainingInfo(_ from: UnsafeMutablePointer<FerryOnnx__TrainingInfoProto>) throws -> ONNXTrainingInfo {
        let c = from.pointee
        return try locating("training information") {
            var info = ONNXTrainingInfo(
                initialization: try c.initialization.map(graph), algorithm: try c.algorithm.map(graph))
            info.initializationBindings = list(c.n_initialization_binding, c.initialization_binding, entry)
            info.updateBindings = list(c.n_update_binding, c.update_binding, entry)
            return info
        }
    }

    private func opset(_ from: UnsafeMutablePointer<FerryOnnx__OperatorSetIdProto>) -> ONNXOpset {
        ONNXOpset(domain: text(from.pointee.domain), version: Int(from.pointee.version))
    }

    private func annotation(_ from: UnsafeMutablePointer<FerryOnnx__TensorAnnotation>) -> ONNXQuantizationAnnotation {
        let c = from.pointee
        return ONNXQuantizationAnnotation(
            tensorName: text(c.tensor_name),
            parameters: list(c.n_quant_parameter_tensor_names, c.quant_parameter_tensor_names, entry))
    }

    private func valueInfo(_ from: UnsafeMutablePointer<FerryOnnx__ValueInfoProto>) -> ONNXValueInfo {
        let c = from.pointee
        var value = ONNXValueInfo(name: text(c.name), type: c.type.map(type))
        value.docString = text(c.doc_string)
        value.metadata = list(c.n_metadata_props, c.metadata_props, entry)
        return value
    }
}

/// How protobuf-c holds several messages.
typealias Messages<Message> = UnsafeMutablePointer<UnsafeMutablePointer<Message>?>

extension ONNXDecoder {
    /// What `body` makes of each message.
    func list<Message, Result>(
        _ count: Int, _ from: Messages<Message>?, _ body: (UnsafeMutablePointer<Message>) throws -> Result
    ) rethrows -> [Result] {
        try UnsafeBufferPointer(start: from, count: count).compactMap { try $0.map(body) }
    }

    /// A text; empty where there is none.
    func text(_ from: UnsafePointer<CChar>?) -> String { from.map { String(cString: $0) } ?? "" }

    /// Several texts.
    func texts(_ count: Int, _ from: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> [String] {
        UnsafeBufferPointer(start: from, count: count).map { text($0) }
    }

    /// A block of bytes.
    func block(_ from: ProtobufCBinaryData) -> [UInt8] { Array(UnsafeBufferPointer(start: from.data, count: from.len)) }

    /// Several blocks of bytes.
    func blocks(_ count: Int, _ from: UnsafeMutablePointer<ProtobufCBinaryData>?) -> [[UInt8]] {
        UnsafeBufferPointer(start: from, count: count).map(block)
    }

    func entry(_ from: UnsafeMutablePointer<FerryOnnx__StringStringEntryProto>) -> ONNXEntry {
        ONNXEntry(text(from.pointee.key), text(from.pointee.value))
    }
}
