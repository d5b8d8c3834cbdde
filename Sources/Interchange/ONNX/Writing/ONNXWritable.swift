package import FerryEngine
package import FerryRuntime

/// An operator that can be said in nodes of ONNX.
package protocol ONNXWritable: Operator {
    /// The layers in it, itself included, that ONNX cannot hold at `opset`, each as `'name' (Kind)`.
    func onnxObstacles(_ name: String, opset: Int) -> [String]

    /// Adds the nodes that compute its outputs.
    ///
    /// Masks are decided exactly as `evaluate` decides them.
    func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal]
}

extension ONNXWritable {
    package func onnxObstacles(_ name: String, opset: Int) -> [String] { [] }

    /// The one output under its name, with the type that the operator says it has.
    func signals(_ output: String, for inputs: Slots<ONNXSignal>, mask: ONNXMask? = nil) throws -> [ONNXSignal] {
        [ONNXSignal(output, try outputTypes(for: inputs.map(\.type))[0], mask: mask)]
    }
}

/// A value of an ONNX graph and, where Keras would attach one, the mask of its time steps.
package struct ONNXSignal: Sendable {
    /// The name in the graph.
    package var name: String
    /// The type that it has in the graph, which computes in float32.
    package var type: ValueType
    /// Which time steps count; nil where all do.
    package var mask: ONNXMask?

    /// A value with its mask.
    package init(_ name: String, _ type: ValueType, mask: ONNXMask? = nil) {
        self.name = name
        self.type = type
        self.mask = mask
    }
}

/// A mask in an ONNX graph: bool, mostly [batch, time].
package struct ONNXMask: Sendable {
    /// The name in the graph.
    package var name: String
    /// The number of its axes.
    package var rank: Int

    /// A mask from its parts.
    package init(_ name: String, rank: Int) {
        self.name = name
        self.rank = rank
    }
}

extension Operator {
    /// The layers that ONNX cannot hold, each as `'name' (Kind)`: this one, those in it, or none.
    func obstaclesToONNX(_ name: String, opset: Int) -> [String] {
        guard let writable = self as? any ONNXWritable else { return ["'\(name)' (\(kind))"] }
        return writable.onnxObstacles(name, opset: opset)
    }

    /// The operator as one that ONNX can hold, which ``obstaclesToONNX(_:opset:)`` has made sure of before.
    func asONNXWritable() throws -> any ONNXWritable {
        guard let writable = self as? any ONNXWritable else {
            throw FerryError(.unsupported, found: "\(kind) cannot be written to ONNX")
        }
        return writable
    }
}
