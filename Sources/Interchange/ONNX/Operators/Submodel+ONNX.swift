package import FerryRuntime

/// The nodes of the layers inside, named `submodel/layer/…`.
extension Submodel: ONNXWritable {
    package func onnxObstacles(_ name: String, opset: Int) -> [String] {
        graph.layers.flatMap { $0.operation.obstaclesToONNX("\(name)/\($0.name)", opset: opset) }
    }

    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        try emitter.emit(graph, inputs, parameters)
    }
}
