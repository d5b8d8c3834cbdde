import FerryEngine
package import FerryRuntime

/// Gather; the mask is Not(Equal(ids, 0)).
extension Embedding: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let isIndex = [.int32, .int64].contains(inputs[0].type.dtype)
        let ids = isIndex ? inputs[0].name : emitter.cast(inputs[0].name, to: .int64)
        let table = emitter.parameter("embeddings", try parameters.float32("embeddings"))
        let rows = emitter.apply("Gather", table, ids, attributes: ["axis": .int(0)])
        guard maskZero else { return try signals(rows, for: inputs) }
        let zero = emitter.constant(Tensor(scalar: Int64(0)).cast(to: isIndex ? inputs[0].type.dtype : .int64))
        let mask = emitter.apply("Not", emitter.apply("Equal", ids, zero))
        return try signals(rows, for: inputs, mask: ONNXMask(mask, rank: inputs[0].type.rank))
    }
}
