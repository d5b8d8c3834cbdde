import CONNX
import FerryEngine

extension ONNXDecoder {
    /// An attribute of a node, whose type old files leave to be seen from what is there.
    func attribute(_ from: UnsafeMutablePointer<FerryOnnx__AttributeProto>) throws -> ONNXAttribute {
        let c = from.pointee
        let name = text(c.name)
        return try locating("attribute '\(name)'") {
            let kind = try kind(c)
            let reference = c.ref_attr_name.map { ONNXAttribute.Value.reference(text($0), kind) }
            var attribute = ONNXAttribute(name, try reference ?? value(c, kind))
            attribute.docString = text(c.doc_string)
            return attribute
        }
    }

    private func kind(_ c: FerryOnnx__AttributeProto) throws -> ONNXAttribute.Kind {
        guard let declared = ONNXAttribute.Kind(rawValue: Int(c.type.rawValue)) else {
            throw FerryError(.unsupported, found: "has the unknown type \(c.type.rawValue)")
        }
        guard declared == .undefined else {
            if let other = filled(c).first(where: { $0 != declared }) {
                throw FerryError.damaged("is declared as \(declared)", expected: "it also holds \(other)")
            }
            return declared
        }
        guard let kind = present(c).first, present(c).count == 1 else {
            if c.ref_attr_name != nil { return .undefined }
            throw FerryError.damaged("has no type", expected: "and its value does not show one")
        }
        return kind
    }

    /// The kinds of value that an attribute has, be they zero or empty.
    private func present(_ c: FerryOnnx__AttributeProto) -> [ONNXAttribute.Kind] {
        let held: [(ONNXAttribute.Kind, Bool)] = [
            (.float, c.has_f != 0), (.int, c.has_i != 0), (.string, c.has_s != 0), (.tensor, c.t != nil),
            (.graph, c.g != nil), (.sparseTensor, c.sparse_tensor != nil), (.type, c.tp != nil),
            (.floats, c.n_floats > 0), (.ints, c.n_ints > 0), (.strings, c.n_strings > 0), (.tensors, c.n_tensors > 0),
            (.graphs, c.n_graphs > 0), (.sparseTensors, c.n_sparse_tensors > 0), (.types, c.n_type_protos > 0),
        ]
        return held.filter(\.1).map(\.0)
    }

    /// The kinds of value that an attribute has, without zeros that some writers put into every field.
    private func filled(_ c: FerryOnnx__AttributeProto) -> [ONNXAttribute.Kind] {
        present(c).filter { kind in
            switch kind {
            case .float: c.f != 0
            case .int: c.i != 0
            case .string: c.s.len > 0
            default: true
            }
        }
    }

    private func value(_ c: FerryOnnx__AttributeProto, _ kind: ONNXAttribute.Kind) throws -> ONNXAttribute.Value {
        switch kind {
        case .undefined: throw FerryError.damaged("has no type")
        case .float: .float(c.f)
        case .int: .int(Int(c.i))
        case .string: .string(block(c.s))
        case .tensor: .tensor(try tensor(required(c.t)))
        case .graph: .graph(try graph(required(c.g)))
        case .sparseTensor: .sparseTensor(try sparseTensor(required(c.sparse_tensor)))
        case .type: .type(type(try required(c.tp)))
        case .floats: .floats(Array(UnsafeBufferPointer(start: c.floats, count: c.n_floats)))
        case .ints: .ints(UnsafeBufferPointer(start: c.ints, count: c.n_ints).map(Int.init))
        case .strings: .strings(blocks(c.n_strings, c.strings))
        case .tensors: .tensors(try list(c.n_tensors, c.tensors, tensor))
        case .graphs: .graphs(try list(c.n_graphs, c.graphs, graph))
        case .sparseTensors: .sparseTensors(try list(c.n_sparse_tensors, c.sparse_tensors, sparseTensor))
        case .types: .types(list(c.n_type_protos, c.type_protos, type))
        }
    }

    private func required<Message>(_ message: UnsafeMutablePointer<Message>?) throws -> UnsafeMutablePointer<Message> {
        guard let message else { throw FerryError.damaged("has no value") }
        return message
    }

    /// The type of a value.
    func type(_ from: UnsafeMutablePointer<FerryOnnx__TypeProto>) -> ONNXType {
        var type = ONNXType(typeValue(from.pointee))
        type.denotation = text(from.pointee.denotation)
        return type
    }

    private func typeValue(_ c: FerryOnnx__TypeProto) -> ONNXType.Value {
        switch c.value_case {
        case FERRY_ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE:
            c.tensor_type.map { .tensor(ONNXDataType(Int($0.pointee.elem_type)), shape($0.pointee.shape)) } ?? .unknown
        case FERRY_ONNX__TYPE_PROTO__VALUE_SPARSE_TENSOR_TYPE:
            c.sparse_tensor_type.map {
                .sparseTensor(ONNXDataType(Int($0.pointee.elem_type)), shape($0.pointee.shape))
            } ?? .unknown
        case FERRY_ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE:
            .sequence(c.sequence_type?.pointee.elem_type.map(type))
        case FERRY_ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE:
            .optional(c.optional_type?.pointee.elem_type.map(type))
        case FERRY_ONNX__TYPE_PROTO__VALUE_MAP_TYPE:
            c.map_type.map {
                .map(key: ONNXDataType(Int($0.pointee.key_type)), value: $0.pointee.value_type.map(type))
            } ?? .unknown
        case FERRY_ONNX__TYPE_PROTO__VALUE_OPAQUE_TYPE:
            c.opaque_type.map { .opaque(domain: text($0.pointee.domain), name: text($0.pointee.name)) } ?? .unknown
        default:
            .unknown
        }
    }

    private func shape(_ from: UnsafeMutablePointer<FerryOnnx__TensorShapeProto>?) -> [ONNXDimension]? {
        from.map { list($0.pointee.n_dim, $0.pointee.dim, dimension) }
    }

    private func dimension(_ from: UnsafeMutablePointer<FerryOnnx__TensorShapeProto__Dimension>) -> ONNXDimension {
        let c = from.pointee
        var dimension: ONNXDimension =
            switch c.value_case {
            case FERRY_ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE: ONNXDimension(.fixed(Int(c.dim_value)))
            case FERRY_ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM: ONNXDimension(.named(text(c.dim_param)))
            default: ONNXDimension(.unknown)
            }
        dimension.denotation = text(c.denotation)
        return dimension
    }
}
