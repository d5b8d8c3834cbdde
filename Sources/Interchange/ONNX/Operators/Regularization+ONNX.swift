package import FerryRuntime

/// Nothing: the layer passes its input on in inference, and a note says that it is left out.
extension Dropout: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        emitter.noteOmission()
        return [inputs[0]]
    }
}
