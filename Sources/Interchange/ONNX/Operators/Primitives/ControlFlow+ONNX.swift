import FerryEngine
package import FerryRuntime

/// If; where the condition is known, the nodes of the branch that it takes.
extension Conditional: ONNXReadable {
    package static let readableOperators = ["If"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let condition = try node.input(0)
        let yes = try node.graph("then_branch")
        let no = try node.graph("else_branch")
        if let known = condition.tensor, known.dtype == .bool, known.count == 1 {
            return try node.scope.inline(known.elements(Bool.self)[0] ? yes : no)
        }
        let first = ONNXScope(inside: node.scope)
        try first.read(yes, inputs: [])
        let second = ONNXScope(inside: node.scope)
        try second.read(no, inputs: [])
        var parameters = ParameterSet()
        parameters.merge(first.parameters, scope: "yes")
        parameters.merge(second.parameters, scope: "no")
        return try node.append(
            Conditional(yes: first.graph, no: second.graph), [condition] + first.captured + second.captured,
            parameters: parameters)
    }
}

extension Loop: ONNXReadable {
    package static let readableOperators = ["Loop"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let body = try node.graph("body")
        let inputs = try node.inputs()
        let carried = inputs.dropFirst(2).compactMap { $0 }
        guard inputs.count >= 2, carried.count == inputs.count - 2 else {
            throw FerryError(.missingKey, found: "a carried value that is left out", expected: "all of them")
        }
        let counters = [ValueType(.int64, []), ValueType(.bool, [])]
        let scope = try node.scope.stable(body, fixed: counters, states: carried.map(node.type)) { $0.dropFirst() }
        return try node.append(
            Loop(scope.graph, carried: carried.count), inputs + scope.captured, parameters: scope.parameters)
    }
}

extension Scan: ONNXReadable {
    package static let readableOperators = ["Scan"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        guard node.opset >= 9 else {
            throw FerryError(
                .unsupported, found: "has a batch axis of its own, as before version 9", expected: "version 9 or later")
        }
        let body = try node.graph("body")
        let operands = try node.inputs().compactMap { $0 }
        let count = try node.attributes.int("num_scan_inputs") ?? 0
        let stateCount = operands.count - count
        guard count >= 1, stateCount >= 0, body.outputs.count >= stateCount else {
            throw FerryError.damaged("attribute 'num_scan_inputs' is \(count)", expected: "1 to \(operands.count)")
        }
        let sequences = try directions(&node, "scan_input", count: count)
        let outputs = try directions(&node, "scan_output", count: body.outputs.count - stateCount)
        let elements = try zip(operands.dropFirst(stateCount), sequences).map { operand, direction in
            var type = node.type(operand)
            type.shape.remove(at: try checkedAxis(direction.axis, rank: type.rank))
            return type
        }
        let scope = try node.scope.stable(body, states: operands.prefix(stateCount).map(node.type), elements: elements)
        { $0 }
        return try node.append(
            Scan(scope.graph, inputs: sequences, outputs: outputs), operands + scope.captured,
            parameters: scope.parameters)
    }

    private static func directions(_ node: inout ONNXNodeReader, _ name: String, count: Int) throws -> [Direction] {
        let none = [Int](repeating: 0, count: count)
        let axes = try node.attributes.ints("\(name)_axes") ?? none
        let reversed = try node.attributes.ints("\(name)_directions") ?? none
        guard axes.count == count, reversed.count == count else {
            throw FerryError.damaged(
                "\(axes.count) axes and \(reversed.count) directions of \(name)s", expected: "\(count) of each")
        }
        return zip(axes, reversed).map { Direction(axis: $0, isReversed: $1 != 0) }
    }
}

extension ONNXNodeReader {
    fileprivate mutating func graph(_ name: String) throws -> ONNXGraph {
        guard let graph = try attributes.graph(name) else {
            throw FerryError(.missingKey, found: "no attribute '\(name)'", expected: "a graph")
        }
        return graph
    }
}

extension ONNXScope {
    /// Reads a body that is run again and again, with the types that its states have in every round.
    ///
    /// `results` drops what comes before the states among the body's outputs.
    fileprivate func stable(
        _ body: ONNXGraph, fixed: [ValueType] = [], states: [ValueType], elements: [ValueType] = [],
        _ results: (ArraySlice<ValueType>) -> ArraySlice<ValueType>
    ) throws -> ONNXScope {
        var states = states
        while true {
            let scope = ONNXScope(inside: self)
            try scope.read(body, inputs: fixed + states + elements)
            let outputs = results(scope.graph.outputs.map(scope.graph.type(of:))[...])
            guard outputs.count >= states.count else {
                throw FerryError.damaged("the body has \(outputs.count) results", expected: "at least \(states.count)")
            }
            let widened = try zip(states, outputs).map { try $0.widened(by: $1) }
            if widened == states { return scope }
            states = widened
        }
    }
}

extension ValueType {
    /// The type with every length open that another round may change.
    fileprivate func widened(by other: ValueType) throws -> ValueType {
        guard rank == other.rank, dtype == other.dtype else {
            throw FerryError(
                .unsupported, found: "a carried value that is \(self) first and \(other) then", expected: "one type")
        }
        return with(shape: zip(shape, other.shape).map { $0 == $1 ? $0 : .unknown })
    }
}

// MARK: - Writing

/// If, whose branches read what is outside by name.
extension Conditional: ONNXWritable {
    package func onnxObstacles(_ name: String, opset: Int) -> [String] {
        yes.obstaclesToONNX(inside: name, opset: opset) + no.obstaclesToONNX(inside: name, opset: opset)
    }

    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let given = inputs.dropFirst(1)
        func branch(_ name: String, _ graph: Graph, _ inputs: Slots<ONNXSignal>) throws -> ONNXAttribute {
            let body = try emitter.scoped(name) { emitter in
                try emitter.body(graph, called: name, inputs, parameters.scoped(to: name))
            }
            return ONNXAttribute(name == "yes" ? "then_branch" : "else_branch", .graph(body))
        }
        let attributes = [
            try branch("yes", yes, given.prefix(yes.inputs.count)),
            try branch("no", no, given.dropFirst(yes.inputs.count)),
        ]
        return try emitNode("If", [inputs[0].name], inputs, attributes, &emitter)
    }
}

/// Loop.
extension Loop: ONNXWritable {
    package func onnxObstacles(_ name: String, opset: Int) -> [String] {
        body.obstaclesToONNX(inside: name, opset: opset)
    }

    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let own = emitter.inputs(of: body, count: 2 + carried)
        let captured = inputs.dropFirst(own.count).present
        var body = try emitter.body(body, called: "body", Slots(own + captured), parameters)
        body.inputs = own.map(ONNXValueInfo.init(inside:))
        let operands = (0..<own.count).map { inputs[optional: $0]?.name ?? "" }
        return try emitNode("Loop", operands, inputs, [ONNXAttribute("body", .graph(body))], &emitter)
    }
}

/// Scan.
extension Scan: ONNXWritable {
    package func onnxObstacles(_ name: String, opset: Int) -> [String] {
        body.obstaclesToONNX(inside: name, opset: opset)
    }

    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let own = emitter.inputs(of: body, count: stateCount + self.inputs.count)
        let captured = inputs.dropFirst(own.count).present
        var body = try emitter.body(body, called: "body", Slots(own + captured), parameters)
        body.inputs = own.map(ONNXValueInfo.init(inside:))
        let attributes = [
            ONNXAttribute("body", .graph(body)), ONNXAttribute("num_scan_inputs", .int(self.inputs.count)),
        ]
        return try emitNode(
            "Scan", inputs.prefix(own.count).present.map(\.name), inputs,
            attributes + directions("scan_input", self.inputs) + directions("scan_output", outputs), &emitter)
    }

    private func directions(_ name: String, _ directions: [Direction]) -> [ONNXAttribute] {
        guard !directions.isEmpty else { return [] }
        return [
            ONNXAttribute("\(name)_axes", .ints(directions.map(\.axis))),
            ONNXAttribute("\(name)_directions", .ints(directions.map { $0.isReversed ? 1 : 0 })),
        ]
    }
}

extension Graph {
    /// The layers of a graph inside the layer `name` that ONNX cannot hold at `opset`.
    fileprivate func obstaclesToONNX(inside name: String, opset: Int) -> [String] {
        layers.flatMap { $0.operation.obstaclesToONNX("\(name)/\($0.name)", opset: opset) }
    }
}

extension ONNXEmitter {
    /// The first `count` inputs of a graph that is about to become a body, under names of their own.
    fileprivate mutating func inputs(of graph: Graph, count: Int) -> [ONNXSignal] {
        graph.inputs.prefix(count).map { ONNXSignal(fresh(graph.name(of: $0)), graph.type(of: $0)) }
    }

    /// The nodes and outputs of a graph inside another; it reads what is outside by name.
    fileprivate mutating func body(
        _ graph: Graph, called name: String, _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet
    ) throws -> ONNXGraph {
        var result = ONNXGraph(name: name)
        result.nodes = try body { emitter in
            let computed = try emitter.emit(graph, inputs, parameters)
            var own = Set(emitter.nodes.flatMap(\.outputs))
            for (signal, output) in zip(computed, graph.outputs) {
                // A body puts out its own values only, and each of them once.
                let isOwn = own.remove(signal.name) != nil
                let value = isOwn ? signal.name : emitter.apply("Identity", signal.name)
                let type = graph.type(of: output)
                let name = emitter.cast(value, from: signal.type.dtype, to: type.dtype)
                result.outputs.append(ONNXValueInfo(inside: ONNXSignal(name, type)))
            }
        }
        return result
    }
}

extension ONNXValueInfo {
    /// A value inside a body, whose axes mean nothing outside.
    fileprivate init(inside signal: ONNXSignal) {
        let axes = signal.type.shape.map { ONNXDimension($0.length.map { .fixed($0) } ?? .unknown) }
        self.init(name: signal.name, type: .tensor(signal.type.dtype, axes))
    }
}
