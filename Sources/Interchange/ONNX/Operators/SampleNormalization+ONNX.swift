import FerryEngine
package import FerryRuntime

/// Transpose and Reshape to [batch, groups, rest], the equations one by one, and back; Mul γ and Add β.
extension GroupNormalization: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let rank = inputs[0].type.rank
        let axis = try checkedAxis(axis, rank: rank)
        let features = inputs[0].type.shape[axis].length ?? 1
        let order = [0, axis] + (1..<rank).filter { $0 != axis }
        let moved = emitter.transpose(emitter.float32(inputs[0]), order)
        let lines = emitter.reshape(moved, [0, groups == -1 ? features : groups, -1])
        var y = emitter.apply("Reshape", normalized(lines, &emitter), emitter.lengths(moved))
        let shape = [features] + Array(repeating: 1, count: rank - 2)
        if scale {
            y = emitter.apply("Mul", y, emitter.parameter("gamma", try parameters.float32("gamma").reshaped(shape)))
        }
        if center {
            y = emitter.apply("Add", y, emitter.parameter("beta", try parameters.float32("beta").reshaped(shape)))
        }
        let inverse = (0..<rank).map { order.firstIndex(of: $0) ?? 0 }
        return try signals(emitter.transpose(y, inverse), for: inputs, mask: inputs[0].mask)
    }

    private func normalized(_ x: String, _ emitter: inout ONNXEmitter) -> String {
        func mean(_ x: String) -> String { emitter.reduce("ReduceMean", x, axes: [2], keepsAxes: true) }
        let centred = emitter.apply("Sub", x, mean(x))
        let variance = mean(emitter.apply("Mul", centred, centred))
        let deviation = emitter.apply("Sqrt", emitter.apply("Add", variance, emitter.scalar(epsilon)))
        return emitter.apply("Div", centred, deviation)
    }
}

/// Div by Sqrt of ReduceSumSquare, which Max keeps from zero.
extension UnitNormalization: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let x = emitter.float32(inputs[0])
        let axes = try checkedAxes(axes, rank: inputs[0].type.rank)
        let square = emitter.reduce("ReduceSumSquare", x, axes: axes, keepsAxes: true)
        let length = emitter.apply("Sqrt", emitter.apply("Max", square, emitter.scalar(1e-12)))
        return try signals(emitter.apply("Div", x, length), for: inputs, mask: inputs[0].mask)
    }
}

/// Div by Sqrt of ReduceMean of squares; Mul by the scale.
extension RMSNormalization: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let x = emitter.float32(inputs[0])
        let axes = try checkedAxes(axes, rank: inputs[0].type.rank)
        let mean = emitter.reduce("ReduceMean", emitter.apply("Mul", x, x), axes: axes, keepsAxes: true)
        let root = emitter.apply("Sqrt", emitter.apply("Add", mean, emitter.scalar(epsilon)))
        let shape = inputs[0].type.shape.enumerated().map { axes.contains($0) ? $1.length ?? 1 : 1 }
        let scale = emitter.parameter("scale", try parameters.float32("scale").reshaped(shape))
        return try signals(emitter.apply("Mul", emitter.apply("Div", x, root), scale), for: inputs)
    }
}
