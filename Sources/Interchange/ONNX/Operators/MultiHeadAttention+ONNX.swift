import FerryEngine
package import FerryRuntime

/// MatMul for the projections of all heads at once, Reshape and Transpose to [batch, heads, …]; MatMul, Softmax, MatMul;
/// and back.
extension MultiHeadAttention: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let (query, value) = (emitter.float32(inputs[0]), emitter.float32(inputs[1]))
        let key = inputs[optional: 2].map { emitter.float32($0) } ?? value
        func parted(_ name: String, _ x: String, _ size: Int, _ axes: [Int]) throws -> String {
            let y = try projection(of: x, name, inputs: 1, parameters, &emitter)
            return emitter.transpose(emitter.reshape(y, [0, 0, heads, size]), axes)
        }
        let q = try parted("query", query, keySize, [0, 2, 1, 3])
        let k = try parted("key", key, keySize, [0, 2, 3, 1])
        let v = try parted("value", value, valueSize, [0, 2, 1, 3])
        let scale = emitter.scalar(1 / Float(keySize).squareRoot())
        var scores = emitter.apply("Mul", emitter.apply("MatMul", q, k), scale)
        let hidden = [
            inputs[1].mask.map { emitter.hidden(by: $0, at: [1, 2]) },
            inputs[optional: 2]?.mask.map { emitter.hidden(by: $0, at: [1, 2]) },
            inputs[0].mask.map { emitter.hidden(by: $0, at: [1, 3]) },
            isCausal ? emitter.later(query, key) : nil,
        ]
        if let hidden = emitter.anyOf(hidden) {
            let lowest = emitter.scalar(-0.7 * Float.greatestFiniteMagnitude)
            scores = emitter.apply("Where", hidden, lowest, scores)
        }
        let weights = emitter.apply("Softmax", scores, attributes: ["axis": .int(-1)])
        let seen = emitter.transpose(emitter.apply("MatMul", weights, v), [0, 2, 1, 3])
        let joined = emitter.reshape(seen, [0, 0, heads * valueSize])
        let output = try projection(of: joined, "attention_output", inputs: 2, parameters, &emitter)
        let types = try outputTypes(for: inputs.map(\.type))
        let signal = ONNXSignal(output, types[0], mask: inputs[0].mask)
        return [signal] + types.dropFirst().map { ONNXSignal(weights, $0) }
    }

    /// x·W + b, where the first axes of W are `inputs` and all of x's last one.
    private func projection(
        of x: String, _ name: String, inputs: Int, _ parameters: ParameterSet, _ emitter: inout ONNXEmitter
    ) throws -> String {
        let kernel = try parameters.float32("\(name)/kernel")
        let matrix = kernel.reshaped([
            kernel.shape.prefix(inputs).reduce(1, *), kernel.shape.dropFirst(inputs).reduce(1, *),
        ])
        let y = emitter.apply("MatMul", x, emitter.parameter("\(name)/kernel", matrix))
        guard useBias else { return y }
        let bias = try parameters.float32("\(name)/bias")
        return emitter.apply("Add", y, emitter.parameter("\(name)/bias", bias.reshaped([bias.count])))
    }
}
