public import OrderedCollections

/// A value of JSON as Python reads and writes it: keys keep their order, and 1 differs from 1.0.
public enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object(OrderedDictionary<String, JSONValue>)
}

extension JSONValue {
    /// Whether this is `null`.
    public var isNull: Bool { self == .null }

    /// The string, or nil where this is none.
    public var stringValue: String? { if case .string(let value) = self { value } else { nil } }

    /// The boolean, or nil where this is none.
    public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }

    /// The integer, also where it is written `2.0`; nil for all else.
    public var intValue: Int? {
        switch self {
        case .int(let value): value
        case .double(let value): Int(exactly: value)
        default: nil
        }
    }

    /// The number, or nil where this is none.
    public var doubleValue: Double? {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }

    /// The elements, or nil where this is no array.
    public var arrayValue: [JSONValue]? { if case .array(let value) = self { value } else { nil } }

    /// The members, or nil where this is no object.
    public var objectValue: OrderedDictionary<String, JSONValue>? {
        if case .object(let value) = self { value } else { nil }
    }

    /// The member `key`; nil where there is none or this is no object. Setting turns all else into an object.
    public subscript(key: String) -> JSONValue? {
        get { objectValue?[key] }
        set {
            var members = objectValue ?? [:]
            // Frees the old members' storage, so that the assignment happens in place.
            self = .null
            members[key] = newValue
            self = .object(members)
        }
    }

    /// The element `index`; nil outside the array or where this is none.
    public subscript(index: Int) -> JSONValue? {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }

    /// What a sentence calls this: `a string`, `an object`.
    public var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .int: "an integer"
        case .double: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension JSONValue: ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByStringInterpolation, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int) { self = .int(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(dictionaryLiteral members: (String, JSONValue)...) {
        self = .object(OrderedDictionary(members, uniquingKeysWith: { $1 }))
    }
}

extension JSONValue: CustomStringConvertible {
    /// The text that Python's `json.dumps` gives.
    public var description: String { encoded() }
}

extension FerryError.Code {
    /// Text that is not JSON.
    public static let json = Self("json")
}
