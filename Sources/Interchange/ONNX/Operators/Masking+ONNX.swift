import FerryEngine
package import FerryRuntime

/// A step counts where any of its features differs from the value: Not(Equal(x, value)), ReduceMax over the features as
/// int32; Where puts zeros at the other steps.
extension Masking: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let x = emitter.float32(inputs[0])
        let differs = emitter.apply("Not", emitter.apply("Equal", x, emitter.scalar(value)))
        let counts = emitter.any(differs, axis: -1, keepsAxis: true)
        let y = emitter.apply("Where", counts, x, emitter.scalar(0))
        let mask = ONNXMask(emitter.squeeze(counts, [-1]), rank: inputs[0].type.rank - 1)
        return try signals(y, for: inputs, mask: mask)
    }
}

extension ONNXEmitter {
    /// Whether any element of `flags`, bool, is true along `axis`.
    mutating func any(_ flags: String, axis: Int, keepsAxis: Bool) -> String {
        cast(reduce("ReduceMax", cast(flags, to: .int32), axes: [axis], keepsAxes: keepsAxis), to: .bool)
    }
}
