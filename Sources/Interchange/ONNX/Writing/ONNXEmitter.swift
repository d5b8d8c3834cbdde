package import FerryEngine

/// Collects the nodes and constants of an ONNX graph under names of their own.
///
/// Nodes are named after the layer that is being written, `lstm/Transpose`, and their outputs after them.
package struct ONNXEmitter {
    /// The version of the operators that the nodes belong to.
    package let opset: Int
    /// The nodes so far, in an order in which they can run.
    package private(set) var nodes: [ONNXNode] = []
    /// The constants so far.
    package private(set) var initializers: [ONNXTensor] = []
    /// The types of values between inputs and outputs, as far as they were said.
    package private(set) var types: [String: ValueType] = [:]
    private var sentences: [String] = []
    private var omissions: [String] = []
    private var scope: [String] = []
    private var takenNames: Set<String>
    private var numbers: [String: Int] = [:]
    private var constants: [ConstantKey: String] = [:]
    private var parameters: [String: [(name: String, tensor: Tensor)]] = [:]

    /// A graph without nodes, none of whose values will have one of the names `reserved`.
    package init(opset: Int, reserved: some Sequence<String>) {
        self.opset = opset
        takenNames = Set(reserved)
    }

    /// Runs `body` with the layer `name` in front of all new names.
    package mutating func scoped<Result>(
        _ name: String, _ body: (inout ONNXEmitter) throws -> Result
    ) rethrows -> Result {
        scope.append(name)
        defer { scope.removeLast() }
        return try body(&self)
    }

    /// The path of the layer that is being written.
    package var path: String { scope.joined(separator: "/") }

    /// Says something that the reader of the file should know, once.
    package mutating func note(_ sentence: String) {
        if !sentences.contains(sentence) { sentences.append(sentence) }
    }

    /// Says that the current layer acts in training only and has no nodes.
    package mutating func noteOmission() {
        if !omissions.contains("'\(path)'") { omissions.append("'\(path)'") }
    }

    /// What the reader of the file should know.
    package var notes: [String] {
        guard !omissions.isEmpty else { return sentences }
        let names = omissions.joined(separator: ", ")
        let omission =
            omissions.count == 1
            ? "layer \(names) acts in training only and is left out"
            : "layers \(names) act in training only and are left out"
        return sentences + [omission]
    }

    /// Says which type a value has.
    package mutating func record(_ signal: ONNXSignal) { types[signal.name] = signal.type }

    /// Adds a node and gives the name of its one output.
    package mutating func apply(
        _ op: String, _ inputs: String..., attributes: KeyValuePairs<String, ONNXAttribute.Value> = [:]
    ) -> String {
        apply(op, inputs, outputs: [true], attributes: attributes)[0]
    }

    /// Adds a node with any number of inputs and gives the name of its one output.
    package mutating func apply(
        _ op: String, to inputs: [String], attributes: KeyValuePairs<String, ONNXAttribute.Value> = [:]
    ) -> String {
        apply(op, inputs, outputs: [true], attributes: attributes)[0]
    }

    /// Adds a node and gives the names of its outputs, empty for those that are not wanted.
    ///
    /// - Parameter outputs: which outputs are wanted.
    package mutating func apply(
        _ op: String, _ inputs: [String], outputs: [Bool], attributes: KeyValuePairs<String, ONNXAttribute.Value> = [:]
    ) -> [String] {
        apply(op, inputs, outputs: outputs, attributes: attributes.map { ONNXAttribute($0.key, $0.value) })
    }

    /// Adds a node and gives the names of its outputs, empty for those that are not wanted.
    package mutating func apply(
        _ op: String, _ inputs: [String], outputs: [Bool], attributes: [ONNXAttribute]
    ) -> [String] {
        let name = fresh(op)
        let names = outputs.enumerated().map { position, isWanted in
            !isWanted ? "" : position == 0 ? name : take("\(name):\(position)")
        }
        let node = ONNXNode(
            op, name: name, inputs: inputs.droppingLast(""), outputs: names.droppingLast(""),
            attributes: attributes)
        nodes.append(node)
        return names
    }

    /// A name inside the current layer that nothing else has.
    package mutating func fresh(_ base: String) -> String { take((scope + [base]).joined(separator: "/")) }

    private mutating func take(_ name: String) -> String {
        var candidate = name
        var number = numbers[name] ?? 0
        while !takenNames.insert(candidate).inserted {
            number += 1
            candidate = "\(name)_\(number)"
        }
        numbers[name] = number
        return candidate
    }

    /// The nodes that `body` adds, kept out of the graph: the inside of a loop, which may read what is outside.
    package mutating func body(_ build: (inout ONNXEmitter) throws -> Void) rethrows -> [ONNXNode] {
        let outer = nodes
        nodes = []
        defer { nodes = outer }
        try build(&self)
        return nodes
    }
}

// MARK: - Constants

extension ONNXEmitter {
    private struct ConstantKey: Hashable {
        let dtype: DType
        let shape: [Int]
        let bytes: [UInt8]
    }

    /// The name of a parameter of the current layer; the same parameter of a layer that is called twice is kept once.
    package mutating func parameter(_ name: String, _ tensor: Tensor) -> String {
        let path = (scope + [name]).joined(separator: "/")
        if let known = parameters[path]?.first(where: { $0.tensor == tensor }) { return known.name }
        let name = take(path)
        parameters[path, default: []].append((name, tensor))
        initializers.append(ONNXTensor(name: name, tensor))
        return name
    }

    /// The name of a small constant; equal ones are kept once.
    package mutating func constant(_ tensor: Tensor) -> String {
        let key = ConstantKey(dtype: tensor.dtype, shape: tensor.shape, bytes: tensor.withUnsafeBytes(Array.init))
        if let known = constants[key] { return known }
        let name = take("constant")
        constants[key] = name
        initializers.append(ONNXTensor(name: name, tensor))
        return name
    }

    /// A scalar float32.
    package mutating func scalar(_ value: Float) -> String { constant(Tensor(scalar: value)) }

    /// A scalar int64.
    package mutating func integer(_ value: Int) -> String { constant(Tensor(scalar: Int64(value))) }

    /// A list of int64, as shapes and axes are given.
    package mutating func integers(_ values: [Int]) -> String { constant(Tensor(values.map(Int64.init))) }
}

extension [String] {
    /// The elements without those at the end that equal `element`.
    fileprivate func droppingLast(_ element: String) -> [String] {
        var copy = self
        while copy.last == element { copy.removeLast() }
        return copy
    }
}
