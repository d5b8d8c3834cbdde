import FerryEngine
import FerryRuntime
import OrderedCollections

/// A call of a function as a file has it.
struct KerasFunctionNode {
    /// Which function.
    let function: KerasFunction
    /// Its settings and arguments by name.
    let arguments: OrderedDictionary<String, JSONValue>
    /// Everything that must be there before the call.
    let references: [KerasReference]

    /// A call that Keras 3 writes as `{"args": […], "kwargs": {…}}`, or Keras 2 as `["input", 0, 0, {…}]` or a list of
    /// such where the first argument is a list.
    init(_ json: JSONValue, of function: KerasFunction, settings: JSONValue) {
        if let operation = settings["node_def"]?["op"]?.stringValue.flatMap({ TensorFlowOperation.all[$0] }) {
            self.init(function, operation.arguments(settings, (json.arrayValue ?? []).map(Self.firstArgument)))
            return
        }
        var arguments: OrderedDictionary<String, JSONValue> = [:]
        var positional = json["args"]?.arrayValue ?? []
        var keywords = json["kwargs"]?.objectValue ?? [:]
        if json["args"] != nil {
            for (name, value) in settings.objectValue ?? [:] where name != "name" { arguments[name] = value }
        } else {
            let isSingle = json[0]?.stringValue != nil
            positional = [isSingle ? Self.firstArgument(json) : .array((json.arrayValue ?? []).map(Self.firstArgument))]
            keywords = (isSingle ? json : json[0])?[3]?.objectValue ?? [:]
        }
        // The operands of a function that takes any number of them.
        if function.parameters == ["operands"] && json["args"] != nil { positional = [.array(positional)] }
        for (name, value) in zip(function.parameters, positional) { arguments[name] = value }
        for (name, value) in keywords { arguments[name] = value }
        self.init(function, arguments)
    }

    private init(_ function: KerasFunction, _ arguments: OrderedDictionary<String, JSONValue>) {
        self.function = function
        self.arguments = arguments
        references = arguments.values.flatMap(Self.references)
    }

    private static func firstArgument(_ json: JSONValue) -> JSONValue {
        json[0] == "_CONSTANT_VALUE" ? json[2] ?? .null : .array(Array((json.arrayValue ?? []).prefix(3)))
    }

    private static func references(_ json: JSONValue) -> [KerasReference] {
        if let reference = KerasReference(json) { return [reference] }
        return (json.arrayValue ?? []).flatMap(references)
    }
}

extension Tensor {
    /// The numbers that Keras writes as JSON: one, nested lists of them, or an object that holds them.
    init?(kerasConstant json: JSONValue) {
        if let inner = json["config"]?["value"] {
            guard let tensor = Tensor(kerasConstant: inner) else { return nil }
            self =
                json["config"]?["dtype"]?.stringValue.flatMap(DType.init(rawValue:)).map { tensor.cast(to: $0) }
                ?? tensor
            return
        }
        switch json {
        case .bool(let value): self.init(scalar: value)
        case .int(let value): self.init(scalar: Int32(clamping: value))
        case .double(let value): self.init(scalar: Float(value))
        case .array(let items):
            let parts = items.compactMap { Tensor(kerasConstant: $0) }
            guard let first = parts.first, parts.count == items.count, parts.allSatisfy({ $0.shape == first.shape })
            else {
                return nil
            }
            let dtype = parts.dropFirst().reduce(first.dtype) { $0.isWeaker(than: $1.dtype) ? $1.dtype : $0 }
            self = .stacked(parts.map { $0.cast(to: dtype) }, axis: 0)
        default: return nil
        }
    }
}

extension Tensor {
    /// The number that is all there is.
    var onlyNumber: Double? { count == 1 ? cast(to: .float64).elements(Double.self)[0] : nil }
}

extension DType {
    /// The type in which numbers of this and of `other` meet.
    func promoted(with other: DType) -> DType {
        if self == other { return self }
        if isFloat != other.isFloat { return isFloat ? self : other }
        if isFloat && byteCount == other.byteCount { return .float32 }
        if self == .bool || other == .bool { return self == .bool ? other : self }
        return byteCount >= other.byteCount ? self : other
    }

    /// Whether a number written as `other` does not fit: 0.5 beside integers, 2 beside booleans.
    func isWeaker(than other: DType) -> Bool {
        func rank(_ dtype: DType) -> Int { dtype.isFloat ? 2 : dtype == .bool ? 0 : 1 }
        return rank(self) < rank(other)
    }
}
