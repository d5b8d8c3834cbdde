import FerryEngine
package import FerryRuntime

/// MatMul of [batch, 1, 1, features] with [pieces, features, units], Add, ReduceMax.
extension MaxoutDense: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let x = emitter.unsqueeze(emitter.float32(inputs[0]), [1, 2])
        let kernel = emitter.parameter("W", try parameters.float32("W"))
        var y = emitter.squeeze(emitter.apply("MatMul", x, kernel), [2])
        if useBias { y = emitter.apply("Add", y, emitter.parameter("b", try parameters.float32("b"))) }
        return try signals(emitter.reduce("ReduceMax", y, axes: [1], keepsAxes: false), for: inputs)
    }
}
