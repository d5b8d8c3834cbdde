package import FerryEngine
package import FerryRuntime

/// One graph of a file while it is read, and the graphs around it.
package final class ONNXScope {
    /// The version of ONNX's operators.
    package let opset: Int
    /// The program that wrote the file.
    package let producer: String
    /// What the user should know.
    package private(set) var notes: [String] = []
    /// The layers so far.
    package private(set) var graph = Graph()
    /// Their parameters.
    package private(set) var parameters = ParameterSet()
    /// What the graph reads from the graphs around it: one for each input that came after its own.
    package private(set) var captured: [ONNXOperand] = []
    private let outer: ONNXScope?
    /// How many elements more may be computed while reading: some, and many times what the file holds.
    private var roomForConstants = 1 << 24
    private var operands: [String: ONNXOperand] = [:]
    private var contents: [Graph.ValueID: [Dimension]] = [:]
    private var constants: [String: Graph.ValueID] = [:]
    private var hasMasks = false

    /// The outermost graph of a file.
    package init(opset: Int, producer: String) {
        self.opset = opset
        self.producer = producer
        outer = nil
    }

    /// A graph inside another.
    package init(inside outer: ONNXScope) {
        opset = outer.opset
        producer = outer.producer
        self.outer = outer
    }

    // MARK: Values

    /// Gives a value the name that it has in the file.
    package func bind(_ name: String, _ operand: ONNXOperand) { operands[name] = operand }

    /// Gives an initializer the name that it has in the file.
    func bindConstant(_ name: String, _ tensor: Tensor) {
        outermost.roomForConstants += 16 * tensor.count
        bind(name, .constant(tensor, name: name))
    }

    /// What an operator makes of constants, as long as there is room for it.
    private func foldedNow(_ operation: any Operator, _ inputs: Slots<Tensor>) throws -> [Tensor]? {
        let outputs = try operation.folded(inputs, room: outermost.roomForConstants)
        outermost.roomForConstants -= outputs?.reduce(0) { $0 + $1.count } ?? 0
        return outputs
    }

    private var outermost: ONNXScope { outer?.outermost ?? self }

    /// Adds an input of the graph.
    package func addInput(_ name: String, _ type: ValueType, contents: [Dimension]? = nil) {
        let value = graph.addInput(name, type)
        self.contents[value] = contents
        bind(name, .value(value))
    }

    /// The value with this name, from here or from a graph around.
    ///
    /// - Throws: ``FerryError/Code/damagedFile`` where nothing has this name.
    package func operand(_ name: String) throws -> ONNXOperand {
        guard let operand = lookUp(name) else {
            throw FerryError.damaged("reads '\(name)', which nothing before it puts out")
        }
        return operand
    }

    private func lookUp(_ name: String) -> ONNXOperand? {
        if let operand = operands[name] { return operand }
        guard let outer, let operand = outer.lookUp(name) else { return nil }
        // Constants are known everywhere; computed values come in as inputs.
        if case .value = operand {
            let known = outer.known(operand)
            captured.append(operand)
            addInput(name, known.type, contents: known.contents)
        } else {
            bind(name, operand)
        }
        return operands[name]
    }

    /// What is known of a value.
    package func known(_ operand: ONNXOperand) -> KnownValue {
        switch operand {
        case .constant(let tensor, _): KnownValue(of: tensor)
        case .value(let value): KnownValue(graph.type(of: value), contents: contents[value])
        }
    }

    /// The value in the graph.
    package func value(_ operand: ONNXOperand) -> Graph.ValueID {
        switch operand {
        case .value(let value): return value
        case .constant(let tensor, let name):
            if let known = constants[name], graph.constants[known] == tensor { return known }
            let value = graph.addConstant(name, tensor)
            constants[name] = value
            return value
        }
    }

    // MARK: Layers

    /// What a node is called: its name, or that of its first output.
    package func label(_ node: ONNXNode) -> String {
        let name = node.name.isEmpty ? node.outputs.first ?? "" : node.name
        return String(name.drop { $0 == "/" })
    }

    /// Adds a layer and gives its outputs; where all is known, computes them at once.
    package func append(
        _ name: String, _ operation: any Operator, _ inputs: [ONNXOperand?], mask: ONNXOperand?,
        parameters: ParameterSet, outputNames: [String]
    ) throws -> [ONNXOperand] {
        // Only lengths of sequences make masks here; what they hide from one operator no other may skip.
        hasMasks = hasMasks || mask != nil
        try check(inputs, fit: operation.arity)
        if let known = try folded(name, operation, inputs, parameters, outputNames) { return known }
        let values = inputs.map { $0.map(value) }
        let types = try operation.outputTypes(for: Slots(values.map { $0.map(graph.type(of:)) }))
        try types.forEach { try $0.requireSize() }
        let names = types.indices.map { index in
            index < outputNames.count && !outputNames[index].isEmpty ? outputNames[index] : "\(name):\(index)"
        }
        let layer = graph.addLayer(Graph.Layer(name, operation))
        self.parameters.merge(parameters, scope: graph.layers[layer].name)
        let outputs = try graph.call(
            layer: layer, values, mask: mask.map { .given(value($0)) } ?? (hasMasks ? .dropped : .carried),
            outputNames: names)
        if let shapes = operation as? any ShapeArithmetic {
            contents[outputs[0]] = try shapes.contents(for: Slots(inputs.map { $0.map(known) }))
        }
        return outputs.map { resolved($0) }
    }

    private func check(_ inputs: [ONNXOperand?], fit arity: ClosedRange<Int>) throws {
        guard arity.contains(inputs.count), !inputs.prefix(arity.lowerBound).contains(where: { $0 == nil }) else {
            let expected = arity.lowerBound == arity.upperBound ? "\(arity.lowerBound)" : "\(arity.lowerBound) or more"
            throw FerryError.damaged("has \(inputs.count) inputs", expected: "\(expected) of them")
        }
    }

    /// A value whose contents turn out to be known is a constant.
    private func resolved(_ value: Graph.ValueID) -> ONNXOperand {
        let type = graph.type(of: value)
        guard let values = contents[value]?.lengths, type.rank <= 1 else { return .value(value) }
        let tensor = Tensor(values.map(Int64.init), shape: type.rank == 0 ? [] : [values.count]).cast(to: type.dtype)
        return .constant(tensor, name: graph.name(of: value))
    }

    private func folded(
        _ name: String, _ operation: any Operator, _ inputs: [ONNXOperand?], _ parameters: ParameterSet,
        _ outputNames: [String]
    ) throws -> [ONNXOperand]? {
        let tensors = inputs.map { $0?.tensor }
        guard zip(inputs, tensors).allSatisfy({ $0 == nil || $1 != nil }), parameters.names.isEmpty else { return nil }
        return try foldedNow(operation, Slots(tensors))?.enumerated().map { index, tensor in
            .constant(tensor, name: index < outputNames.count ? outputNames[index] : "\(name):\(index)")
        }
    }

    /// Says something that the user should know.
    package func note(_ sentence: String) {
        if let outer { return outer.note(sentence) }
        notes.append(sentence)
    }

    /// Says what comes out.
    package func finish(_ outputs: [ONNXOperand], names: [String]) {
        graph.setOutputs(outputs.map(value), names: names)
    }
}
