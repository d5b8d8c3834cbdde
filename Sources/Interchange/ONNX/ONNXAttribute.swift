/// A setting of a node.
package struct ONNXAttribute: Sendable, Equatable {
    package var name: String
    package var value: Value
    package var docString = ""

    /// `value` under `name`.
    package init(_ name: String, _ value: Value) {
        self.name = name
        self.value = value
    }

    /// What an attribute can hold; texts are bytes, mostly UTF-8.
    package enum Value: Sendable, Equatable {
        case float(Float)
        case int(Int)
        case string([UInt8])
        indirect case tensor(ONNXTensor)
        indirect case graph(ONNXGraph)
        indirect case sparseTensor(ONNXSparseTensor)
        indirect case type(ONNXType)
        case floats([Float])
        case ints([Int])
        case strings([[UInt8]])
        case tensors([ONNXTensor])
        case graphs([ONNXGraph])
        case sparseTensors([ONNXSparseTensor])
        case types([ONNXType])
        /// Inside a function: the value of the function's attribute of this name.
        case reference(String, Kind)

        /// A text.
        package static func text(_ text: String) -> Value { .string(Array(text.utf8)) }
        /// Several texts.
        package static func texts(_ texts: [String]) -> Value { .strings(texts.map { Array($0.utf8) }) }

        /// The text that the bytes spell; nil for other kinds and for bytes that are not UTF-8.
        package var text: String? {
            guard case .string(let bytes) = self else { return nil }
            return String(validating: bytes, as: UTF8.self)
        }

        /// The texts that the bytes spell; nil for other kinds and for bytes that are not UTF-8.
        package var texts: [String]? {
            guard case .strings(let list) = self else { return nil }
            let texts = list.compactMap { String(validating: $0, as: UTF8.self) }
            return texts.count == list.count ? texts : nil
        }

        /// Which kind of value this is, or refers to.
        package var kind: Kind {
            switch self {
            case .float: .float
            case .int: .int
            case .string: .string
            case .tensor: .tensor
            case .graph: .graph
            case .sparseTensor: .sparseTensor
            case .type: .type
            case .floats: .floats
            case .ints: .ints
            case .strings: .strings
            case .tensors: .tensors
            case .graphs: .graphs
            case .sparseTensors: .sparseTensors
            case .types: .types
            case .reference(_, let kind): kind
            }
        }
    }

    /// The kinds of values, with ONNX's numbers.
    package enum Kind: Int, Sendable, CaseIterable {
        case undefined = 0
        case float = 1, int, string, tensor, graph
        case floats = 6, ints, strings, tensors, graphs
        case sparseTensor = 11, sparseTensors, type, types
    }
}
