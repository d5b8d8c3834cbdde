import FerryEngine
package import FerryRuntime

/// Exp of what is left of the maximum, Div by its sum; the operator Softmax has one axis only.
extension Softmax: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        var x = emitter.float32(inputs[0])
        if let mask = inputs[optional: 1] {
            let hidden = emitter.apply("Sub", emitter.scalar(1), emitter.cast(mask, to: .float32))
            x = emitter.apply("Sub", x, emitter.apply("Mul", hidden, emitter.scalar(1e9)))
        }
        let axes = try checkedAxes(axes, rank: inputs[0].type.rank)
        let largest = emitter.reduce("ReduceMax", x, axes: axes, keepsAxes: true)
        let powers = emitter.apply("Exp", emitter.apply("Sub", x, largest))
        let sum = emitter.reduce("ReduceSum", powers, axes: axes, keepsAxes: true)
        return try signals(emitter.apply("Div", powers, sum), for: inputs, mask: inputs[0].mask)
    }
}
