import FerryEngine
package import FerryRuntime

/// Einsum and, with a bias, Add; then the nodes of the activation.
extension EinsumDense: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let kernel = emitter.parameter("kernel", try parameters.float32("kernel"))
        var y = emitter.apply(
            "Einsum", emitter.float32(inputs[0]), kernel, attributes: ["equation": .text(equation)])
        if biasAxes != nil { y = emitter.apply("Add", y, emitter.parameter("bias", try parameters.float32("bias"))) }
        let shape = try outputTypes(for: inputs.map(\.type))[0].shape
        return try signals(emitter.activate(y, activation, shape), for: inputs)
    }
}
