package import FerryEngine
import FerryRuntime
import OrderedCollections

/// The settings of one Keras object, each of which must be read, ignored by name, or refused.
///
/// Reading a setting removes it; ``finish()`` refuses what is left.
package struct KerasConfig: Sendable {
    /// The class that the settings belong to, without a package prefix such as `Custom>`.
    package let className: String
    /// The version of Keras that wrote them.
    package let version: KerasVersion
    /// What the reader was given beside the file.
    package let context: KerasContext
    var fields: OrderedDictionary<String, JSONValue>

    /// The settings of an object of class `className`.
    ///
    /// - Throws: ``FerryError/Code/damagedFile`` where `json` is no JSON object.
    package init(_ json: JSONValue, className: String, version: KerasVersion, context: KerasContext) throws {
        guard let fields = json.objectValue else {
            throw FerryError(.damagedFile, found: "settings that are no JSON object", expected: "{…}")
        }
        self.fields = fields
        self.className = className
        self.version = version
        self.context = context
    }

    /// Whether there is a setting of this name, null or not.
    package func has(_ name: String) -> Bool { fields[name] != nil }

    /// Removes and gives the first setting there is among `names`; nil where there is none or it is null.
    package mutating func take(_ names: String...) -> JSONValue? { take(names) }

    private mutating func take(_ names: [String]) -> JSONValue? {
        var result: JSONValue?
        for name in names {
            guard let value = fields.removeValue(forKey: name), !value.isNull else { continue }
            result = result ?? value
        }
        return result
    }

    /// Gives a setting back, to be read by somebody else.
    package mutating func put(_ value: JSONValue, as name: String) { fields[name] = value }

    /// An integer under one of several names of different eras.
    package mutating func int(_ names: String..., default fallback: Int? = nil) throws -> Int {
        try value(names, fallback, "an integer", \.settingValue)
    }

    /// A number under one of several names of different eras.
    package mutating func double(_ names: String..., default fallback: Double? = nil) throws -> Double {
        try value(names, fallback, "a number") { $0.doubleValue ?? Tensor(kerasConstant: $0)?.onlyNumber }
    }

    /// A boolean under one of several names of different eras.
    package mutating func bool(_ names: String..., default fallback: Bool? = nil) throws -> Bool {
        try value(names, fallback, "true or false") { $0.boolValue ?? $0.intValue.map { $0 != 0 } }
    }

    /// A text under one of several names of different eras.
    package mutating func string(_ names: String..., default fallback: String? = nil) throws -> String {
        try value(names, fallback, "a text", \.stringValue)
    }

    /// A list of integers, or a single one, under one of several names of different eras.
    package mutating func ints(_ names: String..., default fallback: [Int]? = nil) throws -> [Int] {
        try value(names, fallback, "a list of integers") { value in
            value.intList.flatMap { $0.allSatisfy(JSONValue.isSetting) ? $0 : nil }
        }
    }

    /// A list whose elements may be null; nil where the setting is missing or null.
    package mutating func optionalInts(_ name: String) throws -> [Int?]? {
        guard let value = take(name) else { return nil }
        guard let list = value.arrayValue else { throw unexpected(value, name, "a list") }
        guard list.allSatisfy({ $0.intValue.map(JSONValue.isSetting) ?? true }) else {
            throw unexpected(value, name, "lengths")
        }
        return list.map(\.intValue)
    }

    /// Names settings that have no influence on what Ferry computes or writes.
    package mutating func ignore(_ names: String...) { for name in names { fields.removeValue(forKey: name) } }

    /// Refuses a setting that is not at one of the values that Ferry carries out.
    package mutating func require(_ name: String, oneOf allowed: JSONValue...) throws {
        guard let value = fields.removeValue(forKey: name) else { return }
        guard allowed.contains(value) else {
            throw FerryError(
                .unsupported, at: ["setting '\(name)'"], found: value.compactText,
                expected: allowed.map(\.compactText).joined(separator: " or "))
        }
    }

    /// Refuses what nobody has read.
    ///
    /// - Throws: ``FerryError/Code/unknownKey`` with all names.
    package func finish() throws {
        guard fields.isEmpty else {
            let names = fields.keys.map { "'\($0)'" }.joined(separator: ", ")
            throw FerryError(
                .unknownKey, found: "settings that Ferry does not understand: \(names)",
                remedy: "rebuild the layer without them, or report the file")
        }
    }

    /// The error for a setting of the wrong kind.
    package func unexpected(_ value: JSONValue, _ name: String, _ expected: String) -> FerryError {
        FerryError(.damagedFile, at: ["setting '\(name)'"], found: value.compactText, expected: expected)
    }

    private mutating func value<Value>(
        _ names: [String], _ fallback: Value?, _ expected: String, _ convert: (JSONValue) -> Value?
    ) throws -> Value {
        guard let value = take(names) else {
            guard let fallback else {
                throw FerryError(.missingKey, found: "no setting '\(names[0])'", expected: expected)
            }
            return fallback
        }
        guard let result = convert(value) else { throw unexpected(value, names[0], expected) }
        return result
    }
}

/// What a reader of Keras configurations needs to know beside them.
package struct KerasContext: Sendable {
    /// Operators that stand in for layers, by the layer's name or its class.
    package var custom: [String: CustomLayer] = [:]
    /// Whether features come first where a layer of Keras 1 does not say: it followed the user's settings, as the other
    /// layers did.
    package var channelsFirst = false
    /// Whether the file says that Theano computed with it.
    package var isOfTheano = false
    /// The shape of the first weight of each layer, where the weights are at hand.
    package var firstWeights: [String: [Int]] = [:]
    /// Whether the names of weights lack the cells of recurrent layers, as before TensorFlow 2.2.
    package var namesNoCells = false

    /// Nothing special, or what the caller gave.
    package init(_ options: ReadOptions = .init()) { custom = options.custom }

    /// The operator that the caller gave for a layer.
    func customLayer(_ name: String, _ className: String) -> CustomLayer? { custom[name] ?? custom[className] }
}

extension JSONValue {
    /// Whether Keras can have meant this number; with larger ones sizes overflow.
    fileprivate static func isSetting(_ number: Int) -> Bool { number.magnitude <= Int32.max }

    /// The integer, where Keras can have meant it.
    fileprivate var settingValue: Int? { intValue.flatMap { Self.isSetting($0) ? $0 : nil } }

    /// A list of integers, or one integer as a list of itself.
    package var intList: [Int]? {
        if let single = intValue { return [single] }
        guard let list = arrayValue else { return nil }
        let integers = list.compactMap(\.intValue)
        return integers.count == list.count ? integers : nil
    }

    /// The JSON text, cut off where it would drown a sentence.
    package var compactText: String {
        let text = encoded()
        return text.count > 80 ? text.prefix(77) + "…" : text
    }
}
