import CONNX
import FerryEngine

/// Lays a model out as protobuf-c's structs, which live as long as the encoder.
final class ONNXEncoder {
    private var memory: [UnsafeMutableRawPointer] = []
    private var refusedText: String?

    deinit { memory.forEach { $0.deallocate() } }

    /// The bytes of a file that holds `model`.
    static func encode(_ model: ONNXModel) throws -> [UInt8] {
        // The structs point into the memory of the model's tensors.
        try withExtendedLifetime(model) {
            let encoder = ONNXEncoder()
            return try withExtendedLifetime(encoder) {
                let root = encoder.model(model)
                if let text = encoder.refusedText {
                    throw FerryError(.range, found: "the text '\(text)' contains a zero character")
                }
                let size = ferry_onnx__model_proto__get_packed_size(root)
                try ONNXModel.check(size: size)
                return [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
                    filled = ferry_onnx__model_proto__pack(root, buffer.baseAddress)
                }
            }
        }
    }

    private func model(_ model: ONNXModel) -> UnsafeMutablePointer<FerryOnnx__ModelProto> {
        message(ferry_onnx__model_proto__init) { c in
            (c.has_ir_version, c.ir_version) = (1, Int64(model.irVersion))
            (c.n_opset_import, c.opset_import) = list(model.opsets, opset)
            c.producer_name = text(model.producerName)
            c.producer_version = text(model.producerVersion)
            c.domain = text(model.domain)
            (c.has_model_version, c.model_version) = (model.modelVersion == 0 ? 0 : 1, Int64(model.modelVersion))
            c.doc_string = text(model.docString)
            c.graph = graph(model.graph)
            (c.n_metadata_props, c.metadata_props) = list(model.metadata, entry)
            (c.n_functions, c.functions) = list(model.functions, function)
            (c.n_training_info, c.training_info) = list(model.trainingInfo, trainingInfo)
            (c.n_configuration, c.configuration) = blocks(model.deviceConfigurations)
        }
    }

    func graph(_ graph: ONNXGraph) -> UnsafeMutablePointer<FerryOnnx__GraphProto> {
        message(ferry_onnx__graph_proto__init) { c in
            c.name = text(graph.name)
            (c.n_node, c.node) = list(graph.nodes, node)
            (c.n_initializer, c.initializer) = list(graph.initializers, tensor)
            (c.n_sparse_initializer, c.sparse_initializer) = list(graph.sparseInitializers, sparseTensor)
            (c.n_input, c.input) = list(graph.inputs, valueInfo)
            (c.n_output, c.output) = list(graph.outputs, valueInfo)
            (c.n_value_info, c.value_info) = list(graph.valueInfo, valueInfo)
            (c.n_quantization_annotation, c.quantization_annotation) = list(graph.quantizationAnnotations, annotation)
            c.doc_string = text(graph.docString)
            (c.n_metadata_props, c.metadata_props) = list(graph.metadata, entry)
        }
    }

    private func node(_ node: ONNXNode) -> UnsafeMutablePointer<FerryOnnx__NodeProto> {
        message(ferry_onnx__node_proto__init) { c in
            (c.n_input, c.input) = texts(node.inputs)
            (c.n_output, c.output) = texts(node.outputs)
            c.name = text(node.name)
            c.op_type = text(node.opType)
            c.domain = text(node.domain)
            c.overload = text(node.overload)
            (c.n_attribute, c.attribute) = list(node.attributes, attribute)
            c.doc_string = text(node.docString)
            (c.n_metadata_props, c.metadata_props) = list(node.metadata, entry)
            (c.n_device_configurations, c.device_configurations) = blocks(node.deviceConfigurations)
        }
    }

    private func function(_ function: ONNXFunction) -> UnsafeMutablePointer<FerryOnnx__FunctionProto> {
        message(ferry_onnx__function_proto__init) { c in
            c.name = text(function.name)
            c.domain = text(function.domain)
            c.overload = text(function.overload)
            (c.n_input, c.input) = texts(function.inputs)
            (c.n_output, c.output) = texts(function.outputs)
            (c.n_attribute, c.attribute) = texts(function.attributes)
            (c.n_attribute_proto, c.attribute_proto) = list(function.attributeDefaults, attribute)
            (c.n_node, c.node) = list(function.nodes, node)
            (c.n_opset_import, c.opset_import) = list(function.opsets, opset)
            (c.n_value_info, c.value_info) = list(function.valueInfo, valueInfo)
            c.doc_string = text(function.docString)
            (c.n_metadata_props, c.metadata_props) = list(function.metadata, entry)
        }
    }

    private func trainingInfo(_ info: ONNXTrainingInfo) -> UnsafeMutablePointer<FerryOnnx__TrainingInfoProto> {
        message(ferry_onnx__training_info_proto__init) { c in
            c.initialization = info.initialization.map(graph)
            c.algorithm = info.algorithm.map(graph)
            (c.n_initialization_binding, c.initialization_binding) = list(info.initializationBindings, entry)
            (c.n_update_binding, c.update_binding) = list(info.updateBindings, entry)
        }
    }

    private func opset(_ opset: ONNXOpset) -> UnsafeMutablePointer<FerryOnnx__OperatorSetIdProto> {
        message(ferry_onnx__operator_set_id_proto__init) { c in
            c.domain = text(opset.domain)
            (c.has_version, c.version) = (1, Int64(opset.version))
        }
    }

    private func annotation(
        _ annotation: ONNXQuantizationAnnotation
    ) -> UnsafeMutablePointer<FerryOnnx__TensorAnnotation> {
        message(ferry_onnx__tensor_annotation__init) { c in
            c.tensor_name = text(annotation.tensorName)
            (c.n_quant_parameter_tensor_names, c.quant_parameter_tensor_names) = list(annotation.parameters, entry)
        }
    }

    private func valueInfo(_ value: ONNXValueInfo) -> UnsafeMutablePointer<FerryOnnx__ValueInfoProto> {
        message(ferry_onnx__value_info_proto__init) { c in
            c.name = text(value.name)
            c.type = value.type.map(type)
            c.doc_string = text(value.docString)
            (c.n_metadata_props, c.metadata_props) = list(value.metadata, entry)
        }
    }
}

extension ONNXEncoder {
    /// One message, set up by protobuf-c and then by `fill`.
    func message<Message>(
        _ initialize: (UnsafeMutablePointer<Message>?) -> Void, _ fill: (inout Message) -> Void
    ) -> UnsafeMutablePointer<Message> {
        let message: UnsafeMutablePointer<Message> = allocate(1)
        initialize(message)
        fill(&message.pointee)
        return message
    }

    /// Several messages and their number.
    func list<Source, Message>(
        _ sources: [Source], _ make: (Source) -> UnsafeMutablePointer<Message>
    ) -> (Int, Messages<Message>?) {
        array(sources.map(make))
    }

    /// Several values and their number; no memory where there are none.
    func array<Value>(_ values: [Value]) -> (Int, UnsafeMutablePointer<Value>?) {
        guard !values.isEmpty else { return (0, nil) }
        let copy: UnsafeMutablePointer<Value> = allocate(values.count)
        copy.initialize(from: values, count: values.count)
        return (values.count, copy)
    }

    /// A text; nil, which is not written, where it is empty.
    func text(_ text: String) -> UnsafeMutablePointer<CChar>? { text.isEmpty ? nil : characters(text) }

    /// Several texts, of which empty ones are written.
    func texts(_ texts: [String]) -> (Int, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) {
        array(texts.map(characters))
    }

    /// A block of bytes.
    func block(_ bytes: [UInt8]) -> ProtobufCBinaryData {
        let (count, copy) = array(bytes)
        return ProtobufCBinaryData(len: count, data: copy)
    }

    /// Several blocks of bytes.
    func blocks(_ blocks: [[UInt8]]) -> (Int, UnsafeMutablePointer<ProtobufCBinaryData>?) { array(blocks.map(block)) }

    func entry(_ entry: ONNXEntry) -> UnsafeMutablePointer<FerryOnnx__StringStringEntryProto> {
        message(ferry_onnx__string_string_entry_proto__init) { c in
            (c.key, c.value) = (text(entry.key), text(entry.value))
        }
    }

    /// A text, be it empty.
    func characters(_ text: String) -> UnsafeMutablePointer<CChar>? {
        if text.utf8.contains(0) { refusedText = text }
        return array(Array(text.utf8CString)).1
    }

    private func allocate<Value>(_ count: Int) -> UnsafeMutablePointer<Value> {
        let pointer = UnsafeMutablePointer<Value>.allocate(capacity: count)
        memory.append(UnsafeMutableRawPointer(pointer))
        return pointer
    }
}
