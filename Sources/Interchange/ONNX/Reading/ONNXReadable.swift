package import FerryEngine
package import FerryRuntime

/// Reads some of ONNX's operators.
package protocol ONNXReadable: Sendable {
    /// The operators, as `op_type` names them.
    static var readableOperators: [String] { get }

    /// Adds the layers that compute what `node` does.
    ///
    /// - Returns: the outputs, in the operator's order; nil where one that nobody wants is not computed.
    static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?]
}

/// A value while a file is read: known, or the output of a layer.
package enum ONNXOperand: Sendable {
    /// Known, under the name that it has in the file.
    case constant(Tensor, name: String)
    /// Computed.
    case value(Graph.ValueID)

    /// The elements where they are known.
    package var tensor: Tensor? { if case .constant(let tensor, _) = self { tensor } else { nil } }
}

/// An operator that has one output and whose attributes say all about it.
package protocol ONNXUnary: ONNXReadable {
    /// The operator that `node` names.
    static func operation(_ node: inout ONNXNodeReader) throws -> any Operator
}

extension ONNXUnary {
    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let operation = try operation(&node)
        return try node.append(operation, node.inputs())
    }
}
