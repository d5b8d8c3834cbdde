import CONNX
import FerryEngine

extension ONNXEncoder {
    func attribute(_ attribute: ONNXAttribute) -> UnsafeMutablePointer<FerryOnnx__AttributeProto> {
        message(ferry_onnx__attribute_proto__init) { c in
            c.name = text(attribute.name)
            c.doc_string = text(attribute.docString)
            (c.has_type, c.type.rawValue) = (1, .init(attribute.value.kind.rawValue))
            switch attribute.value {
            case .float(let value): (c.has_f, c.f) = (1, value)
            case .int(let value): (c.has_i, c.i) = (1, Int64(value))
            case .string(let value): (c.has_s, c.s) = (1, block(value))
            case .tensor(let value): c.t = tensor(value)
            case .graph(let value): c.g = graph(value)
            case .sparseTensor(let value): c.sparse_tensor = sparseTensor(value)
            case .type(let value): c.tp = type(value)
            case .floats(let values): (c.n_floats, c.floats) = array(values)
            case .ints(let values): (c.n_ints, c.ints) = array(values.map(Int64.init))
            case .strings(let values): (c.n_strings, c.strings) = blocks(values)
            case .tensors(let values): (c.n_tensors, c.tensors) = list(values, tensor)
            case .graphs(let values): (c.n_graphs, c.graphs) = list(values, graph)
            case .sparseTensors(let values): (c.n_sparse_tensors, c.sparse_tensors) = list(values, sparseTensor)
            case .types(let values): (c.n_type_protos, c.type_protos) = list(values, type)
            case .reference(let name, _): c.ref_attr_name = text(name)
            }
        }
    }

    func tensor(_ tensor: ONNXTensor) -> UnsafeMutablePointer<FerryOnnx__TensorProto> {
        message(ferry_onnx__tensor_proto__init) { c in
            c.name = text(tensor.name)
            (c.n_dims, c.dims) = array(tensor.dims.map(Int64.init))
            (c.has_data_type, c.data_type) = (1, Int32(truncatingIfNeeded: tensor.dataType.number))
            switch tensor.payload {
            case .elements(let elements): (c.has_raw_data, c.raw_data) = (1, bytes(of: elements))
            case .opaque(let bytes): (c.has_raw_data, c.raw_data) = (1, block(bytes))
            case .strings(let texts): (c.n_string_data, c.string_data) = blocks(texts.map { Array($0.utf8) })
            case .external(let data):
                (c.has_data_location, c.data_location) = (1, FERRY_ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
                (c.n_external_data, c.external_data) = list(data.entries, entry)
            }
            c.doc_string = text(tensor.docString)
            (c.n_metadata_props, c.metadata_props) = list(tensor.metadata, entry)
        }
    }

    // A tensor's memory stays where it is while the model, which `encode` holds, holds the tensor.
    private func bytes(of tensor: Tensor) -> ProtobufCBinaryData {
        tensor.withUnsafeBytes { bytes in
            let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
            return ProtobufCBinaryData(len: bytes.count, data: start?.assumingMemoryBound(to: UInt8.self))
        }
    }

    func sparseTensor(_ tensor: ONNXSparseTensor) -> UnsafeMutablePointer<FerryOnnx__SparseTensorProto> {
        message(ferry_onnx__sparse_tensor_proto__init) { c in
            c.values = self.tensor(tensor.values)
            c.indices = self.tensor(tensor.indices)
            (c.n_dims, c.dims) = array(tensor.dims.map(Int64.init))
        }
    }

    func type(_ type: ONNXType) -> UnsafeMutablePointer<FerryOnnx__TypeProto> {
        message(ferry_onnx__type_proto__init) { c in
            c.denotation = text(type.denotation)
            switch type.value {
            case .tensor(let element, let shape):
                c.value_case = FERRY_ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE
                c.tensor_type = message(ferry_onnx__type_proto__tensor__init) { c in
                    (c.has_elem_type, c.elem_type) = (1, Int32(truncatingIfNeeded: element.number))
                    c.shape = shape.map(self.shape)
                }
            case .sparseTensor(let element, let shape):
                c.value_case = FERRY_ONNX__TYPE_PROTO__VALUE_SPARSE_TENSOR_TYPE
                c.sparse_tensor_type = message(ferry_onnx__type_proto__sparse_tensor__init) { c in
                    (c.has_elem_type, c.elem_type) = (1, Int32(truncatingIfNeeded: element.number))
                    c.shape = shape.map(self.shape)
                }
            case .sequence(let element):
                c.value_case = FERRY_ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE
                c.sequence_type = message(ferry_onnx__type_proto__sequence__init) { c in
                    c.elem_type = element.map(self.type)
                }
            case .optional(let element):
                c.value_case = FERRY_ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE
                c.optional_type = message(ferry_onnx__type_proto__optional__init) { c in
                    c.elem_type = element.map(self.type)
                }
            case .map(let key, let value):
                c.value_case = FERRY_ONNX__TYPE_PROTO__VALUE_MAP_TYPE
                c.map_type = message(ferry_onnx__type_proto__map__init) { c in
                    (c.has_key_type, c.key_type) = (1, Int32(truncatingIfNeeded: key.number))
                    c.value_type = value.map(self.type)
                }
            case .opaque(let domain, let name):
                c.value_case = FERRY_ONNX__TYPE_PROTO__VALUE_OPAQUE_TYPE
                c.opaque_type = message(ferry_onnx__type_proto__opaque__init) { c in
                    (c.domain, c.name) = (text(domain), text(name))
                }
            case .unknown:
                break
            }
        }
    }

    private func shape(_ shape: [ONNXDimension]) -> UnsafeMutablePointer<FerryOnnx__TensorShapeProto> {
        message(ferry_onnx__tensor_shape_proto__init) { ($0.n_dim, $0.dim) = list(shape, dimension) }
    }

    private func dimension(_ from: ONNXDimension) -> UnsafeMutablePointer<FerryOnnx__TensorShapeProto__Dimension> {
        message(ferry_onnx__tensor_shape_proto__dimension__init) { c in
            c.denotation = text(from.denotation)
            switch from.length {
            case .fixed(let length):
                c.value_case = FERRY_ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE
                c.dim_value = Int64(length)
            case .named(let name):
                c.value_case = FERRY_ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM
                c.dim_param = characters(name)
            case .unknown:
                break
            }
        }
    }
}
