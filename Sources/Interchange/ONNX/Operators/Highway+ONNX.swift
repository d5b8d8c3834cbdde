import FerryEngine
package import FerryRuntime

/// Two MatMuls with Adds, Sigmoid and the nodes of the activation; x + T·(τ − x).
extension Highway: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let x = emitter.float32(inputs[0])
        func affine(_ kernel: String, _ bias: String) throws -> String {
            let product = emitter.apply("MatMul", x, emitter.parameter(kernel, try parameters.float32(kernel)))
            guard useBias else { return product }
            return emitter.apply("Add", product, emitter.parameter(bias, try parameters.float32(bias)))
        }
        let gate = emitter.apply("Sigmoid", try affine("W_carry", "b_carry"))
        let transformed = emitter.activate(try affine("W", "b"), activation, inputs[0].type.shape)
        let change = emitter.apply("Mul", gate, emitter.apply("Sub", transformed, x))
        return try signals(emitter.apply("Add", x, change), for: inputs)
    }
}
