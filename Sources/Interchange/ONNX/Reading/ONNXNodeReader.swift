package import FerryEngine
package import FerryRuntime

/// One node while it is read.
package struct ONNXNodeReader {
    /// The node.
    package let node: ONNXNode
    /// What is left of its attributes.
    package var attributes: ONNXAttributes
    /// The graph that grows.
    package let scope: ONNXScope

    /// A node of the graph that `scope` reads.
    package init(_ node: ONNXNode, in scope: ONNXScope) throws {
        self.node = node
        self.scope = scope
        attributes = try ONNXAttributes(node)
    }

    /// The version of ONNX's operators.
    package var opset: Int { scope.opset }

    /// Whether the file leaves an input out.
    package func lacks(_ index: Int) -> Bool { index >= node.inputs.count || node.inputs[index].isEmpty }

    /// Whether anybody may read an output.
    package func wants(_ index: Int) -> Bool { index < node.outputs.count && !node.outputs[index].isEmpty }

    /// An input that may be left out.
    package func optional(_ index: Int) throws -> ONNXOperand? {
        lacks(index) ? nil : try scope.operand(node.inputs[index])
    }

    /// An input that must be there.
    package func input(_ index: Int) throws -> ONNXOperand {
        guard let operand = try optional(index) else {
            throw FerryError(.missingKey, found: "no input \(index)", expected: "one")
        }
        return operand
    }

    /// All inputs, nil for those that are left out.
    package func inputs() throws -> [ONNXOperand?] { try node.inputs.indices.map(optional) }

    /// The type of an operand.
    package func type(_ operand: ONNXOperand) -> ValueType { scope.known(operand).type }

    /// The elements of an input that must be known.
    ///
    /// - Throws: ``FerryError/Code/unsupported`` where it is computed.
    package func constant(_ index: Int, _ meaning: String) throws -> Tensor {
        guard let tensor = try input(index).tensor else {
            throw FerryError(
                .unsupported, found: "\(meaning) that are computed ('\(node.inputs[index])')", expected: "constant ones"
            )
        }
        return tensor
    }

    /// Integers that input `index` holds; the input joins `operands` where they are not known.
    package func integers(_ index: Int, _ operands: inout [ONNXOperand?]) throws -> Integers? {
        guard let operand = try optional(index) else { return nil }
        return integers(operand, &operands)
    }

    /// Integers that an operand holds; it joins `operands` where they are not known.
    package func integers(_ operand: ONNXOperand, _ operands: inout [ONNXOperand?]) -> Integers {
        let known = scope.known(operand)
        if let tensor = operand.tensor { return .known(tensor.ints) }
        if let values = known.contents?.lengths { return .known(values) }
        operands.append(operand)
        return .input(operands.count - 1, expected: known.contents)
    }

    /// Integers that an attribute holds before version `since` of the operators, and an input from then on.
    package mutating func integers(
        _ name: String, orInput index: Int, since: Int, _ operands: inout [ONNXOperand?]
    ) throws -> Integers? {
        opset < since ? try attributes.ints(name).map(Integers.known) : try integers(index, &operands)
    }

    /// Adds a layer and gives its outputs; where all is known, computes them at once.
    ///
    /// The layer's name is the node's, and behind it `suffix` where it is not the only layer of this node.
    package func append(
        _ operation: any Operator, _ operands: [ONNXOperand?], mask: ONNXOperand? = nil,
        parameters: ParameterSet = .init(), suffix: String = ""
    ) throws -> [ONNXOperand] {
        let name = suffix.isEmpty ? scope.label(node) : "\(scope.label(node))/\(suffix)"
        return try scope.append(
            name, operation, operands, mask: mask, parameters: parameters,
            outputNames: suffix.isEmpty ? node.outputs : [])
    }

    /// Adds a layer with one output, one of several that compute what the node does.
    package func add(_ operation: any Operator, _ operands: ONNXOperand?..., suffix: String? = nil) throws
        -> ONNXOperand
    {
        try append(operation, operands, suffix: suffix ?? operation.kind)[0]
    }

    /// A constant that the file does not name.
    package func literal(_ tensor: Tensor) -> ONNXOperand { .constant(tensor, name: "\(scope.label(node))/constant") }

    /// A list of integers that the file does not name.
    package func literal(_ values: [Int]) -> ONNXOperand { literal(Tensor(values.map(Int64.init))) }

    /// `operand` in elements of `dtype`.
    package func cast(_ operand: ONNXOperand, to dtype: DType) throws -> ONNXOperand {
        type(operand).dtype == dtype ? operand : try add(Cast(to: dtype), operand)
    }

    /// What `body` computes of `operand` in float32, in the operand's own type.
    package func inFloat32(
        _ operand: ONNXOperand, _ body: (ONNXOperand) throws -> ONNXOperand
    ) throws -> ONNXOperand {
        try cast(body(cast(operand, to: .float32)), to: type(operand).dtype)
    }

    /// Refuses an output that is not computed.
    package func refuseOutputs(from index: Int, _ reason: String) throws {
        guard let output = (index..<max(index, node.outputs.count)).first(where: wants) else { return }
        throw FerryError(.unsupported, found: "output '\(node.outputs[output])' is read", expected: reason)
    }
}
