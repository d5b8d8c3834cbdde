import FerryEngine
package import FerryRuntime

/// MatMul and, with a bias, Add; then the nodes of the activation.
extension Dense: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let x = emitter.float32(inputs[0])
        let kernel = emitter.parameter("kernel", try parameters.float32("kernel"))
        var y = emitter.apply("MatMul", x, kernel)
        if useBias { y = emitter.apply("Add", y, emitter.parameter("bias", try parameters.float32("bias"))) }
        let activated = emitter.activate(y, activation, try outputTypes(for: inputs.map(\.type))[0].shape)
        return try signals(activated, for: inputs, mask: inputs[0].mask)
    }
}
