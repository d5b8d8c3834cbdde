import FerryEngine
import FerryRuntime
import OrderedCollections

/// One call of a function: its arguments, and the graph that it becomes part of.
struct KerasFunctionCall {
    /// The graph with the nodes added so far.
    private(set) var graph: Graph
    private let name: String
    private var arguments: OrderedDictionary<String, JSONValue>
    private let resolve: (KerasReference) throws -> Graph.ValueID
    private var hasNamedLayer = false

    /// A call under `name` in `graph`; `resolve` finds the values that other calls have made.
    init(
        _ node: KerasFunctionNode, _ name: String, in graph: Graph,
        resolve: @escaping (KerasReference) throws -> Graph.ValueID
    ) {
        self.graph = graph
        self.name = name
        self.resolve = resolve
        arguments = node.arguments
    }

    /// Removes and gives the first argument there is among `names`; nil where there is none or it is null.
    mutating func take(_ names: String...) -> JSONValue? { take(names) }

    /// Removes and gives the first argument there is among `names`; nil where there is none or it is null.
    mutating func take(_ names: [String]) -> JSONValue? {
        var result: JSONValue?
        for name in names {
            guard let value = arguments.removeValue(forKey: name), !value.isNull else { continue }
            result = result ?? value
        }
        return result
    }

    /// An integer; `fallback` where nothing is said.
    mutating func int(_ names: String..., default fallback: Int? = nil) throws -> Int {
        try converted(names, fallback, "an integer", \.intValue)
    }

    /// A number; `fallback` where nothing is said.
    mutating func double(_ names: String..., default fallback: Double? = nil) throws -> Double {
        try converted(names, fallback, "a number", \.doubleValue)
    }

    /// A boolean; `fallback` where nothing is said.
    mutating func bool(_ names: String..., default fallback: Bool = false) throws -> Bool {
        try converted(names, fallback, "true or false") { $0.boolValue ?? $0.intValue.map { $0 != 0 } }
    }

    /// A text; `fallback` where nothing is said.
    mutating func string(_ names: String..., default fallback: String? = nil) throws -> String {
        try converted(names, fallback, "a text", \.stringValue)
    }

    /// One integer or several; nil where nothing is said.
    mutating func ints(_ names: String...) throws -> [Int]? {
        try take(names).map { value in
            guard let list = value.intList else { throw unexpected(value, names[0], "integers") }
            return list
        }
    }

    /// The type of elements under `dtype`; nil where nothing is said.
    mutating func dtype() throws -> DType? {
        try take("dtype").map { value in
            guard let dtype = value.stringValue.flatMap(DType.init(rawValue:)) else {
                throw unexpected(value, "dtype", "a type of numbers")
            }
            return dtype
        }
    }

    /// The error for an argument of the wrong kind.
    func unexpected(_ value: JSONValue, _ name: String, _ expected: String) -> FerryError {
        FerryError(.unsupported, at: ["argument '\(name)'"], found: value.compactText, expected: expected)
    }

    /// Refuses what nobody has read.
    mutating func finish() throws {
        // Names of nodes, and hints that change no number.
        _ = take("name", "training", "validate_indices", "conjugate")
        let left = arguments.filter { !$0.value.isNull && $0.value != false }
        guard left.isEmpty else {
            let list = left.map { "'\($0.key)' = \($0.value.compactText)" }.joined(separator: ", ")
            throw FerryError(.unsupported, found: "arguments that Ferry does not understand: \(list)")
        }
    }

    private mutating func converted<Value>(
        _ names: [String], _ fallback: Value?, _ expected: String, _ convert: (JSONValue) -> Value?
    ) throws -> Value {
        guard let value = take(names) else {
            guard let fallback else {
                throw FerryError(.missingKey, found: "no argument '\(names[0])'", expected: expected)
            }
            return fallback
        }
        guard let result = convert(value) else { throw unexpected(value, names[0], expected) }
        return result
    }
}

extension KerasFunctionCall {
    /// The tensor under one of several names; numbers become constants of their own type.
    mutating func tensor(_ names: String...) throws -> Graph.ValueID {
        guard let value = try optionalTensor(names) else {
            throw FerryError(.missingKey, found: "no argument '\(names[0])'", expected: "a tensor")
        }
        return value
    }

    /// The tensor under one of several names; nil where there is none.
    mutating func optionalTensor(_ names: String...) throws -> Graph.ValueID? { try optionalTensor(names) }

    private mutating func optionalTensor(_ names: [String]) throws -> Graph.ValueID? {
        guard let json = take(names) else { return nil }
        switch try operand(json, names[0]) {
        case .value(let value): return value
        case .number(let tensor): return constant(tensor)
        }
    }

    /// The list of tensors under one of several names.
    mutating func tensors(_ names: String...) throws -> [Graph.ValueID] {
        guard let list = take(names) else { throw FerryError(.missingKey, found: "no argument '\(names[0])'") }
        let items = KerasReference(list) == nil ? list.arrayValue ?? [] : [list]
        return try alike(items.map { try operand($0, names[0]) })
    }

    /// The tensors under several names, converted to their common type, which numbers without a type follow.
    mutating func alike(_ names: [String]...) throws -> [Graph.ValueID] {
        try alike(
            names.map { names in
                guard let json = take(names) else { throw FerryError(.missingKey, found: "no argument '\(names[0])'") }
                return try operand(json, names[0])
            })
    }

    /// The value that another call has made.
    func value(_ reference: KerasReference) throws -> Graph.ValueID { try resolve(reference) }

    /// A known tensor as a value of the graph.
    mutating func constant(_ tensor: Tensor) -> Graph.ValueID { graph.addConstant("\(name)_constant", tensor) }

    /// The type of a value.
    func type(of value: Graph.ValueID) -> ValueType { graph.type(of: value) }

    /// The value converted to `dtype`.
    mutating func cast(_ value: Graph.ValueID, to dtype: DType) throws -> Graph.ValueID {
        // What is half as precise in Keras may run in float32; the numbers around it must agree.
        let isHalf = dtype == .float16 || dtype == .bfloat16
        return type(of: value).dtype == dtype && !isHalf ? value : try helper(Cast(to: dtype), value)
    }

    /// The value as floating-point numbers.
    mutating func floats(_ value: Graph.ValueID) throws -> Graph.ValueID {
        type(of: value).dtype.isFloat ? value : try cast(value, to: .float32)
    }

    private enum Operand {
        case value(Graph.ValueID)
        case number(Tensor)
    }

    private func operand(_ json: JSONValue, _ name: String) throws -> Operand {
        if let reference = KerasReference(json) { return .value(try resolve(reference)) }
        guard let tensor = Tensor(kerasConstant: json) else { throw unexpected(json, name, "a tensor or numbers") }
        return .number(tensor)
    }

    private mutating func alike(_ operands: [Operand]) throws -> [Graph.ValueID] {
        var dtype: DType?
        for case .value(let value) in operands {
            let own = type(of: value).dtype
            dtype = dtype.map { $0.promoted(with: own) } ?? own
        }
        for case .number(let tensor) in operands where dtype.map({ $0.isWeaker(than: tensor.dtype) }) ?? true {
            dtype = tensor.dtype
        }
        let common = dtype ?? .float32
        return try operands.map { operand in
            switch operand {
            case .value(let value): try cast(value, to: common)
            case .number(let tensor): constant(tensor.cast(to: common))
            }
        }
    }
}

extension KerasFunctionCall {
    /// Adds a node whose only result is the function's, or a step on the way to it.
    mutating func apply(_ operation: any Operator, _ inputs: Graph.ValueID...) throws -> Graph.ValueID {
        try results(of: operation, inputs)[0]
    }

    /// Adds a node and gives all its results.
    mutating func results(of operation: any Operator, _ inputs: [Graph.ValueID?]) throws -> [Graph.ValueID] {
        let isFirst = !hasNamedLayer
        hasNamedLayer = true
        return try node(operation, inputs, isFirst ? name : "\(name)_\(operation.kind.snakeCased)")
    }

    /// Adds a node that prepares an argument.
    mutating func helper(_ operation: any Operator, _ inputs: Graph.ValueID...) throws -> Graph.ValueID {
        try node(operation, inputs, "\(name)_\(operation.kind.snakeCased)")[0]
    }

    /// Functions hand no masks on, whatever their operators would do.
    private mutating func node(_ operation: any Operator, _ inputs: [Graph.ValueID?], _ name: String) throws -> [Graph
        .ValueID]
    {
        guard operation.carriesMask(inputs: inputs.map { _ in true }) else {
            return try graph.call(layer: graph.addLayer(Graph.Layer(name, operation)), inputs)
        }
        var bare = inputs
        for (i, input) in inputs.enumerated().dropFirst() {
            guard let input, graph.carriesMask(input) else { continue }
            let identity = graph.addLayer(Graph.Layer("\(name)_unmasked", Activation(.linear)))
            bare[i] = try graph.call(layer: identity, [input], mask: .dropped)[0]
        }
        let isMasked = inputs[0].map(graph.carriesMask) ?? false
        return try graph.call(
            layer: graph.addLayer(Graph.Layer(name, operation)), bare, mask: isMasked ? .dropped : .carried)
    }
}
