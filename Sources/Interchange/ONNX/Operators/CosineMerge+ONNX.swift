import FerryEngine
package import FerryRuntime

/// Three times the nodes of ``Dot``; Mul, Sqrt, Max, Div, Unsqueeze.
extension CosineMerge: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        func product(_ a: ONNXSignal, _ b: ONNXSignal) throws -> String {
            try self.product.emit(Slots([a, b]), ParameterSet(), into: &emitter)[0].name
        }
        let squares = emitter.apply(
            "Mul", try product(inputs[0], inputs[0]), try product(inputs[1], inputs[1]))
        let lengths = emitter.apply("Max", emitter.apply("Sqrt", squares), emitter.scalar(Self.epsilon))
        let cosine = emitter.apply("Div", try product(inputs[0], inputs[1]), lengths)
        return try signals(emitter.unsqueeze(cosine, [1]), for: inputs)
    }
}
