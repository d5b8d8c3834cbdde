import CONNX
import FerryEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension ONNXDecoder {
    /// A constant, whose bytes in protobuf-c's memory are given back as soon as they are copied.
    func tensor(_ from: UnsafeMutablePointer<FerryOnnx__TensorProto>) throws -> ONNXTensor {
        let c = from.pointee
        guard c.segment == nil else {
            throw FerryError(.unsupported, found: "is one segment of a larger tensor")
        }
        let dims = UnsafeBufferPointer(start: c.dims, count: c.n_dims).map(Int.init)
        guard let count = dims.checkedProduct else { throw FerryError.damaged("has the impossible shape \(dims)") }
        let type = ONNXDataType(Int(c.data_type))
        let payload = try payload(c, type, dims, count)
        free(c.raw_data.data)
        from.pointee.raw_data = ProtobufCBinaryData()

        var tensor = ONNXTensor(name: text(c.name), dims: dims, dataType: type, payload: payload)
        tensor.docString = text(c.doc_string)
        tensor.metadata = list(c.n_metadata_props, c.metadata_props, entry)
        return tensor
    }

    /// A constant that is mostly zero.
    func sparseTensor(_ from: UnsafeMutablePointer<FerryOnnx__SparseTensorProto>) throws -> ONNXSparseTensor {
        let c = from.pointee
        guard let values = c.values, let indices = c.indices else {
            throw FerryError.damaged("a sparse tensor lacks its values or their places")
        }
        return try locating("sparse tensor '\(text(values.pointee.name))'") {
            ONNXSparseTensor(
                values: try tensor(values), indices: try tensor(indices),
                dims: UnsafeBufferPointer(start: c.dims, count: c.n_dims).map(Int.init))
        }
    }

    private func payload(
        _ c: FerryOnnx__TensorProto, _ type: ONNXDataType, _ dims: [Int], _ count: Int
    ) throws -> ONNXTensor.Payload {
        if c.data_location == FERRY_ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL {
            let data = ONNXExternalData(entries: list(c.n_external_data, c.external_data, entry))
            return try folder.map { try external(data, in: $0, type, dims, count) } ?? .external(data)
        }
        if type == .string {
            guard c.n_string_data == count else { throw wrongCount(c.n_string_data, type, dims, count) }
            return .strings(try strings(c))
        }
        let held = numbers(c).filter { $0.count > 0 }
        if let other = held.first, type.field == nil {
            throw FerryError(.unsupported, found: "holds elements of the unknown \(type) in \(other.field.rawValue)")
        }
        if c.raw_data.len > 0 || type.field == nil {
            if let other = held.first {
                throw FerryError.damaged("holds its elements twice, in raw_data and in \(other.field.rawValue)")
            }
            let bytes = UnsafeRawBufferPointer(start: c.raw_data.data, count: c.raw_data.len)
            return try elements(bytes, type, dims, count)
        }
        return try typedElements(held, type, dims, count)
    }

    private func elements(
        _ bytes: UnsafeRawBufferPointer, _ type: ONNXDataType, _ dims: [Int], _ count: Int
    ) throws -> ONNXTensor.Payload {
        if type.field != nil, type.byteCount(of: count) != bytes.count {
            throw FerryError.damaged(
                "holds \(FerryError.counted(bytes.count, "byte"))",
                expected: "shape \(dims) of \(type) needs \(needed(type, count))")
        }
        guard let dtype = type.dtype else { return .opaque(Array(bytes)) }
        return .elements(sound(try Tensor(bytes: bytes, shape: dims, dtype: dtype)))
    }

    private func needed(_ type: ONNXDataType, _ count: Int) -> String {
        type.byteCount(of: count).map(String.init) ?? "more than there can be"
    }

    /// The tensor, with every true boolean one: Swift allows no other bytes.
    private func sound(_ tensor: Tensor) -> Tensor {
        guard tensor.dtype == .bool else { return tensor }
        var tensor = tensor
        tensor.withUnsafeMutableBytes { bytes in
            for index in bytes.indices where bytes[index] > 1 { bytes[index] = 1 }
        }
        return tensor
    }

    private func external(
        _ data: ONNXExternalData, in folder: ONNXDataFolder, _ type: ONNXDataType, _ dims: [Int], _ count: Int
    ) throws -> ONNXTensor.Payload {
        guard let byteCount = type.byteCount(of: count) else {
            throw FerryError(.unsupported, found: "keeps elements of type \(type), shape \(dims), in another file")
        }
        return try folder.open(data, byteCount: byteCount) { file, offset in
            guard let dtype = type.dtype else {
                var bytes = [UInt8](repeating: 0, count: byteCount)
                try bytes.withUnsafeMutableBytes { try file.read(at: offset, into: $0) }
                return .opaque(bytes)
            }
            var tensor = Tensor(zeros: dims, dtype: dtype)
            try tensor.withUnsafeMutableBytes { try file.read(at: offset, into: $0) }
            return .elements(sound(tensor))
        }
    }

    private func strings(_ c: FerryOnnx__TensorProto) throws -> [String] {
        try UnsafeBufferPointer(start: c.string_data, count: c.n_string_data).map { element in
            let bytes = UnsafeBufferPointer(start: element.data, count: element.len)
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw FerryError(.unsupported, found: "holds a text that is not UTF-8")
            }
            return text
        }
    }
}

extension ONNXDecoder {
    private typealias Numbers = (field: ONNXDataType.Field, count: Int, bytes: UnsafeRawBufferPointer)

    /// The fields that hold elements as numbers of a fixed width.
    private func numbers(_ c: FerryOnnx__TensorProto) -> [Numbers] {
        [
            (.floats, c.n_float_data, UnsafeRawBufferPointer(start: c.float_data, count: 4 * c.n_float_data)),
            (.doubles, c.n_double_data, UnsafeRawBufferPointer(start: c.double_data, count: 8 * c.n_double_data)),
            (.int32s, c.n_int32_data, UnsafeRawBufferPointer(start: c.int32_data, count: 4 * c.n_int32_data)),
            (.int64s, c.n_int64_data, UnsafeRawBufferPointer(start: c.int64_data, count: 8 * c.n_int64_data)),
            (.uint64s, c.n_uint64_data, UnsafeRawBufferPointer(start: c.uint64_data, count: 8 * c.n_uint64_data)),
        ]
    }

    private func typedElements(
        _ held: [Numbers], _ type: ONNXDataType, _ dims: [Int], _ count: Int
    ) throws -> ONNXTensor.Payload {
        guard let only = held.first else {
            guard count == 0 else { throw wrongCount(0, type, dims, count) }
            return try elements(UnsafeRawBufferPointer(start: nil, count: 0), type, dims, count)
        }
        guard held.count == 1, only.field == type.field else {
            throw FerryError.damaged(
                "holds \(type) in \(held.map(\.field.rawValue).joined(separator: " and "))",
                expected: type.field.map { "they belong in \($0.rawValue)" })
        }
        switch (only.field, type.byteCount(of: 1)) {
        case (.int32s, 1):
            return try narrowed(only.bytes.bindMemory(to: Int32.self), to: UInt8.self, type, dims, count)
        case (.int32s, 2):
            return try narrowed(only.bytes.bindMemory(to: Int32.self), to: UInt16.self, type, dims, count)
        case (.uint64s, 4):
            return try narrowed(only.bytes.bindMemory(to: UInt64.self), to: UInt32.self, type, dims, count)
        default:
            return try elements(only.bytes, type, dims, count)
        }
    }

    /// The elements, each of which takes a whole number of the file but only its low bits count.
    private func narrowed<Wide: FixedWidthInteger, Narrow: FixedWidthInteger>(
        _ values: UnsafeBufferPointer<Wide>, to: Narrow.Type, _ type: ONNXDataType, _ dims: [Int], _ count: Int
    ) throws -> ONNXTensor.Payload {
        let bounds = -(Int64(1) << (Narrow.bitWidth - 1))..<(Int64(1) << Narrow.bitWidth)
        let words = try values.map { value in
            guard bounds.contains(Int64(truncatingIfNeeded: value)) else {
                throw FerryError.damaged("holds \(value)", expected: "\(type) has no such element")
            }
            return Narrow(truncatingIfNeeded: value)
        }
        return try words.withUnsafeBytes { try elements($0, type, dims, count) }
    }

    private func wrongCount(_ found: Int, _ type: ONNXDataType, _ dims: [Int], _ count: Int) -> FerryError {
        .damaged("holds \(FerryError.counted(found, "element"))", expected: "shape \(dims) of \(type) needs \(count)")
    }
}
