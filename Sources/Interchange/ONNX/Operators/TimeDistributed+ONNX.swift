import FerryEngine
package import FerryRuntime

/// Reshape to [batch · time, …], the nodes of the layer, and Reshape back to [batch, time, …].
extension TimeDistributed: ONNXWritable {
    package func onnxObstacles(_ name: String, opset: Int) -> [String] {
        layer.obstaclesToONNX("\(name)/layer", opset: opset)
    }

    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let x = inputs[0]
        let leading = emitter.lengths(x.name, to: 2)
        let rows = inputs.map { signal in
            // More rows than the batch has, so its name would lie.
            let type = signal.type.with(shape: [.unknown] + signal.type.shape.dropFirst(2))
            let fixed = type.shape.dropFirst().compactMap(\.length)
            let isFixed = fixed.count == type.rank - 1
            let rows =
                isFixed
                ? emitter.reshape(signal.name, [-1] + fixed)
                : emitter.reshape(
                    signal.name, lengths: [emitter.integers([-1]), emitter.lengths(signal.name, from: 2)])
            return ONNXSignal(rows, type)
        }
        let outputs = try emitter.scoped("layer") { emitter in
            try layer.asONNXWritable().emit(rows, parameters.scoped(to: "layer"), into: &emitter)
        }
        return outputs.map { output in
            let y = emitter.reshape(output.name, lengths: [leading] + emitter.stepLengths(of: output))
            let shape = x.type.shape.prefix(2) + output.type.shape.dropFirst()
            return ONNXSignal(y, output.type.with(shape: Array(shape)), mask: x.mask)
        }
    }
}

extension ONNXEmitter {
    /// The lengths of the axes behind the first: a constant where they are fixed, nothing where there are none.
    fileprivate mutating func stepLengths(of signal: ONNXSignal) -> [String] {
        let dimensions = signal.type.shape.dropFirst()
        guard !dimensions.isEmpty else { return [] }
        let fixed = dimensions.compactMap(\.length)
        return [fixed.count == dimensions.count ? integers(fixed) : lengths(signal.name, from: 1)]
    }
}
