import FerryEngine
package import FerryRuntime

/// Mul and Add.
extension Rescaling: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let scaled = emitter.apply("Mul", emitter.float32(inputs[0]), emitter.constant(scale))
        return try signals(emitter.apply("Add", scaled, emitter.constant(offset)), for: inputs, mask: inputs[0].mask)
    }
}

/// Sub the mean and Div by the deviation, or Mul and Add; the deviation is taken beforehand.
extension Normalization: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let (x, rank) = (emitter.float32(inputs[0]), inputs[0].type.rank)
        let kept = try checkedAxes(axes, rank: rank)
        func aligned(_ tensor: Tensor) -> Tensor {
            var shape = [Int](repeating: 1, count: rank)
            for (axis, length) in zip(kept.reversed(), tensor.shape.reversed()) { shape[axis] = length }
            return tensor.reshaped(tensor.count == 1 ? [] : shape)
        }
        let variance = try statistics?.variance ?? parameters.required("variance")
        // Keras keeps the divisor from zero by this much.
        let root = variance.cast(to: .float32).map { (v: Float) in max(v.squareRoot(), 1e-7) }
        let deviation = emitter.parameter("deviation", aligned(root))
        let statedMean = try statistics?.mean ?? parameters.required("mean")
        let mean = emitter.parameter("mean", aligned(statedMean.cast(to: .float32)))
        let y =
            isInverse
            ? emitter.apply("Add", emitter.apply("Mul", x, deviation), mean)
            : emitter.apply("Div", emitter.apply("Sub", x, mean), deviation)
        return try signals(y, for: inputs, mask: inputs[0].mask)
    }
}
