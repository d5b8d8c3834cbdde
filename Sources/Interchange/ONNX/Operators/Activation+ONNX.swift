import FerryEngine
package import FerryRuntime

/// The nodes of the function, see ``ONNXEmitter/activate(_:_:_:)``.
extension Activation: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let y = emitter.activate(emitter.float32(inputs[0]), function, inputs[0].type.shape)
        return try signals(y, for: inputs, mask: inputs[0].mask)
    }
}

/// PRelu.
extension PReLU: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let slope = emitter.parameter("alpha", try parameters.float32("alpha"))
        let y = emitter.apply("PRelu", emitter.float32(inputs[0]), slope)
        return try signals(y, for: inputs, mask: inputs[0].mask)
    }
}
