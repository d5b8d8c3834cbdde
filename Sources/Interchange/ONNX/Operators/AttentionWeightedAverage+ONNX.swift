import FerryEngine
package import FerryRuntime

/// MatMul with the weights, Exp of what is left of the maximum, Div by its sum, MatMul with the input.
extension AttentionWeightedAverage: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let x = emitter.float32(inputs[0])
        let kernel = emitter.parameter("W", try parameters.float32("W"))
        let scores = emitter.squeeze(emitter.apply("MatMul", x, kernel), [2])
        let largest = emitter.reduce("ReduceMax", scores, axes: [1], keepsAxes: true)
        var powers = emitter.apply("Exp", emitter.apply("Sub", scores, largest))
        if let mask = inputs[0].mask { powers = emitter.apply("Mul", powers, emitter.cast(mask.name, to: .float32)) }
        let sum = emitter.reduce("ReduceSum", powers, axes: [1], keepsAxes: true)
        let weights = emitter.apply("Div", powers, emitter.apply("Add", sum, emitter.scalar(Self.epsilon)))
        let mean = emitter.squeeze(emitter.apply("MatMul", emitter.unsqueeze(weights, [1]), x), [1])
        let types = try outputTypes(for: inputs.map(\.type))
        return zip([mean, weights], types).map { ONNXSignal($0, $1) }
    }
}
