package import FerryEngine

/// The attributes of a node, each of which is read, ignored by name, or refused.
package struct ONNXAttributes {
    private var rest: [String: ONNXAttribute.Value] = [:]

    /// The attributes of `node`, none of them read.
    ///
    /// - Throws: ``FerryError/Code/damagedFile`` where one repeats.
    package init(_ node: ONNXNode) throws {
        for attribute in node.attributes {
            guard rest.updateValue(attribute.value, forKey: attribute.name) == nil else {
                throw FerryError.damaged("attribute '\(attribute.name)' repeats")
            }
        }
    }

    /// Reads attributes that have no influence on the numbers.
    package mutating func ignore(_ names: String...) {
        for name in names { rest[name] = nil }
    }

    /// Refuses what nobody has read.
    ///
    /// - Throws: ``FerryError/Code/unknownKey``.
    package func finish() throws {
        guard !rest.isEmpty else { return }
        let names = rest.keys.sorted().map { "'\($0)'" }.joined(separator: ", ")
        throw FerryError(
            .unknownKey, found: rest.count == 1 ? "attribute \(names)" : "attributes \(names)",
            expected: "attributes that Ferry understands")
    }

    package mutating func int(_ name: String) throws -> Int? {
        try read(name, "an integer") { if case .int(let value) = $0 { value } else { nil } }
    }

    /// An integer that means false where it is 0.
    package mutating func flag(_ name: String, default value: Bool) throws -> Bool {
        try int(name).map { $0 != 0 } ?? value
    }

    package mutating func ints(_ name: String) throws -> [Int]? {
        try read(name, "integers") { if case .ints(let values) = $0 { values } else { nil } }
    }

    package mutating func float(_ name: String) throws -> Float? {
        try read(name, "a number") { if case .float(let value) = $0 { value } else { nil } }
    }

    package mutating func floats(_ name: String) throws -> [Float]? {
        try read(name, "numbers") { if case .floats(let values) = $0 { values } else { nil } }
    }

    package mutating func text(_ name: String) throws -> String? {
        try read(name, "a text") { $0.text }
    }

    package mutating func texts(_ name: String) throws -> [String]? {
        try read(name, "texts") { $0.texts }
    }

    package mutating func tensor(_ name: String) throws -> Tensor? {
        try read(name, "a tensor") { if case .tensor(let value) = $0 { value } else { nil } }?.tensor()
    }

    package mutating func sparseTensor(_ name: String) throws -> ONNXSparseTensor? {
        try read(name, "a sparse tensor") { if case .sparseTensor(let value) = $0 { value } else { nil } }
    }

    package mutating func graph(_ name: String) throws -> ONNXGraph? {
        try read(name, "a graph") { if case .graph(let value) = $0 { value } else { nil } }
    }

    /// One of several values, each under the text that the file has for it.
    package mutating func choice<Value>(_ name: String, _ values: [String: Value], default value: Value) throws -> Value
    {
        guard let text = try text(name) else { return value }
        guard let choice = values[text] else {
            throw FerryError(
                .range, at: ["attribute '\(name)'"], found: "'\(text)'",
                expected: "one of \(values.keys.sorted().map { "'\($0)'" }.joined(separator: ", "))")
        }
        return choice
    }

    private mutating func read<Value>(
        _ name: String, _ expected: String, _ convert: (ONNXAttribute.Value) -> Value?
    ) throws -> Value? {
        guard let attribute = rest.removeValue(forKey: name) else { return nil }
        guard let value = convert(attribute) else {
            throw FerryError(
                .damagedFile, at: ["attribute '\(name)'"], found: "a value of kind \(attribute.kind)",
                expected: expected)
        }
        return value
    }
}
