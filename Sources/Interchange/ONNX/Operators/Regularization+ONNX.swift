package import FerryRuntime

/// Nothing: the layer passes its input on in inference, and a note says that it is left out.
extension Dropout: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        emitter.note("layer '\(emitter.path)' acts in training only and is left out")
        return [inputs[0]]
    }
}
