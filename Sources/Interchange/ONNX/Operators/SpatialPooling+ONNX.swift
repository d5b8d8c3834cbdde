import FerryEngine
package import FerryRuntime

/// MaxPool or AveragePool, between two Transposes where the features come last.
extension LocalPooling: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let order = ONNXFeatureOrder(rank: inputs[0].type.rank, isFirst: options.channelsFirst)
        let shape = order.toFirst.map { inputs[0].type.shape[$0] }
        let x = emitter.transpose(emitter.float32(inputs[0]), order.toFirst)
        let function = function == .maximum ? Pooling.Function.maximum : .average(countsPadding: false)
        let y = emitter.transpose(emitter.pool(x, shape, function, options.window), order.back)
        return try signals(y, for: inputs)
    }
}

/// ReduceMax or ReduceMean; the average of masked steps is ReduceSum of those that count, Div their number.
extension GlobalPooling: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let x = emitter.float32(inputs[0])
        let axes = Array(ONNXFeatureOrder(rank: inputs[0].type.rank, isFirst: channelsFirst).spatial)
        if let mask = inputs[0].mask, function == .average, self.axes == 1 {
            let counts = emitter.unsqueeze(mask.name, [channelsFirst ? 1 : 2])
            let kept = emitter.apply("Where", counts, x, emitter.scalar(0))
            let sum = emitter.reduce("ReduceSum", kept, axes: axes, keepsAxes: keepsAxes)
            let number = emitter.reduce(
                "ReduceSum", emitter.cast(counts, to: .float32), axes: axes, keepsAxes: keepsAxes)
            return try signals(emitter.apply("Div", sum, number), for: inputs)
        }
        let op = function == .maximum ? "ReduceMax" : "ReduceMean"
        return try signals(emitter.reduce(op, x, axes: axes, keepsAxes: keepsAxes), for: inputs)
    }
}
