import FerryEngine
package import FerryRuntime

/// Flatten; where the channels come first, a Transpose puts them last before.
extension Flatten: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let rank = inputs[0].type.rank
        var x = inputs[0].name
        if channelsFirst && rank > 2 { x = emitter.transpose(x, [0] + Array(2..<rank) + [1]) }
        return try signals(emitter.apply("Flatten", x, attributes: ["axis": .int(1)]), for: inputs)
    }
}

/// Reshape to [0, …], which keeps the batch.
extension Reshape: ONNXWritable {
    package func onnxObstacles(_ name: String, opset: Int) -> [String] {
        // A length of 0 would mean to keep the input's length there.
        shape.contains(0) ? ["'\(name)' (Reshape to \(shape))"] : []
    }

    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        try signals(emitter.reshape(inputs[0].name, [0] + shape), for: inputs)
    }
}

/// Transpose.
extension Permute: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        try signals(emitter.transpose(inputs[0].name, [0] + axes), for: inputs)
    }
}

/// Unsqueeze and Expand to [1, count, 1].
extension RepeatVector: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let row = emitter.unsqueeze(inputs[0].name, [1])
        return try signals(emitter.apply("Expand", row, emitter.integers([1, count, 1])), for: inputs)
    }
}
