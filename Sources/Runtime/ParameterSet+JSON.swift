package import FerryEngine
import OrderedCollections

extension Tensor {
    /// Type, shape and bytes (little-endian, in Base64), exactly.
    package var json: JSONValue {
        [
            "dtype": .string(dtype.rawValue), "shape": .array(shape.map(JSONValue.int)),
            "data": .string(withUnsafeBytes(Base64.encode)),
        ]
    }

    /// The tensor that ``json`` describes.
    ///
    /// - Throws: ``FerryError/Code/json`` where `json` does not.
    package init(json: JSONValue) throws {
        guard let dtype = json["dtype"]?.stringValue.flatMap(DType.init(rawValue:)),
            let shape = json["shape"]?.arrayValue?.compactMap(\.intValue),
            let bytes = json["data"]?.stringValue.flatMap(Base64.decode)
        else {
            throw FerryError(.json, found: "\(json.kind) that is no tensor", expected: "dtype, shape and data")
        }
        self = try bytes.withUnsafeBytes { try Tensor(bytes: $0, shape: shape, dtype: dtype) }
    }
}

extension ParameterSet {
    /// The tensors by name, exactly.
    package var json: JSONValue {
        var members: OrderedDictionary<String, JSONValue> = [:]
        for name in names { members[name] = self[name]?.json }
        return .object(members)
    }

    /// The tensors that ``json`` describes.
    ///
    /// - Throws: ``FerryError/Code/json`` where `json` does not.
    package init(json: JSONValue) throws {
        self.init()
        for (name, tensor) in json.objectValue ?? [:] { self[name] = try locating(name) { try Tensor(json: tensor) } }
    }
}

extension LayerState {
    /// The states by layer, exactly.
    package var json: JSONValue {
        var inner: OrderedDictionary<String, JSONValue> = [:]
        for name in children.keys.sorted() { inner[name] = children[name]?.json }
        return ["tensors": .array(tensors.map(\.json)), "children": .object(inner)]
    }

    /// The states that ``json`` describes.
    ///
    /// - Throws: ``FerryError/Code/json`` where `json` does not.
    package init(json: JSONValue) throws {
        self.init()
        tensors = try json["tensors"]?.arrayValue?.map { try Tensor(json: $0) } ?? []
        for (name, state) in json["children"]?.objectValue ?? [:] { children[name] = try LayerState(json: state) }
    }
}
