import Ferry
import OrderedCollections

/// Where the outputs of a prediction go.
enum OutputFile {
    case array(String)
    case archive(String)
    case standardOutput

    /// The place that `-o` names.
    init(_ argument: String) throws {
        let name = argument.lowercased()
        if argument == "-" {
            self = .standardOutput
        } else if name.hasSuffix(".npy") {
            self = .array(argument)
        } else if name.hasSuffix(".npz") {
            self = .archive(argument)
        } else {
            throw FerryError(
                .usage, at: [argument.lastPathComponent], found: "the ending names no kind of array file",
                expected: "expected .npy, .npz or '-' for JSON")
        }
    }

    /// Refuses several outputs where one array is asked for.
    func requireRoom(for names: [String]) throws {
        guard case .array(let path) = self, names.count != 1 else { return }
        throw FerryError(
            .usage, found: "has \(names.count) outputs, and \(path.lastPathComponent) holds one array",
            expected: "expected .npz or '-'")
    }

    /// Writes the outputs, named and in the model's order.
    func write(_ outputs: [(name: String, tensor: Tensor)]) throws {
        // NumPy has no bfloat16; float32 holds every one of its numbers.
        let outputs = outputs.map { ($0, $1.dtype == .bfloat16 ? $1.cast(to: .float32) : $1) }
        switch self {
        case .array(let path):
            for (_, tensor) in outputs { try NPYFile.write(tensor, to: path) }
        case .archive(let path):
            try NPZFile.write(.init(uniqueKeysWithValues: outputs), to: path)
        case .standardOutput:
            print(JSONValue.object(.init(uniqueKeysWithValues: outputs.map { ($0, $1.json) })))
        }
    }
}

extension Tensor {
    /// The elements as nested arrays.
    var json: JSONValue {
        var elements = jsonElements[...]
        func nested(_ shape: ArraySlice<Int>) -> JSONValue {
            guard let length = shape.first else { return elements.popFirst() ?? .null }
            return .array((0..<length).map { _ in nested(shape.dropFirst()) })
        }
        return nested(shape[...])
    }

    private var jsonElements: [JSONValue] {
        switch dtype {
        case .bool: ints.map { .bool($0 != 0) }
        case .float64: elements(Double.self).map(JSONValue.double)
        // The shortest digits that give the same float32.
        case _ where dtype.isFloat: floats.map { .double(Double("\($0)") ?? Double($0)) }
        default: ints.map(JSONValue.int)
        }
    }
}
