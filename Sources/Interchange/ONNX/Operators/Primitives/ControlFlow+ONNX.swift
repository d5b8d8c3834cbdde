package import FerryEngine
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
