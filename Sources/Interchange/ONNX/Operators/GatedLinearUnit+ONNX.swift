import FerryEngine
package import FerryRuntime

/// The nodes of the layer, then Split, Sigmoid and Mul.
extension GatedLinearUnit: ONNXWritable {
    package func onnxObstacles(_ name: String, opset: Int) -> [String] {
        layer?.obstaclesToONNX(name, opset: opset) ?? []
    }

    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let signal = try layer?.asONNXWritable().emit(inputs, parameters, into: &emitter)[0] ?? inputs[0]
        let half = (signal.type.shape.last?.length ?? 0) / 2
        let halves = emitter.split(emitter.float32(signal), axis: -1, lengths: [half, half])
        let y = emitter.apply("Mul", halves[0], emitter.apply("Sigmoid", halves[1]))
        return try signals(y, for: inputs, mask: signal.mask)
    }
}
