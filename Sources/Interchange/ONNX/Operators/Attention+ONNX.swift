import FerryEngine
package import FerryRuntime

/// MatMul of queries and keys, or Tanh of their sums and ReduceSum; Softmax; MatMul with the values.
extension Attention: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let (query, value) = (emitter.float32(inputs[0]), emitter.float32(inputs[1]))
        let key = inputs[optional: 2].map { emitter.float32($0) } ?? value
        var scores = try scores(query, key, parameters, &emitter)
        let hidden = [
            inputs[1].mask.map { emitter.hidden(by: $0, at: [1]) }, isCausal ? emitter.later(query, key) : nil,
        ]
        if let hidden = emitter.anyOf(hidden) {
            scores = emitter.apply("Where", hidden, emitter.apply("Sub", scores, emitter.scalar(1e9)), scores)
        }
        let weights = emitter.apply("Softmax", scores, attributes: ["axis": .int(-1)])
        var output = emitter.apply("MatMul", weights, value)
        if let mask = inputs[0].mask {
            output = emitter.apply("Mul", output, emitter.unsqueeze(emitter.cast(mask.name, to: .float32), [2]))
        }
        let types = try outputTypes(for: inputs.map(\.type))
        let signal = ONNXSignal(output, types[0], mask: inputs[0].mask)
        return [signal] + types.dropFirst().map { ONNXSignal(weights, $0) }
    }

    /// How well each key fits each query, [batch, steps, positions].
    private func scores(
        _ query: String, _ key: String, _ parameters: ParameterSet, _ emitter: inout ONNXEmitter
    ) throws -> String {
        let scale = usesScale ? emitter.parameter("scale", try parameters.float32("scale")) : nil
        func scaled(_ x: String) -> String { scale.map { emitter.apply("Mul", x, $0) } ?? x }
        guard score != .dot else { return scaled(emitter.apply("MatMul", query, emitter.transpose(key, [0, 2, 1]))) }
        let sum = emitter.apply("Add", emitter.unsqueeze(query, [2]), emitter.unsqueeze(key, [1]))
        let terms =
            score == .additive
            ? scaled(emitter.apply("Tanh", sum)) : emitter.apply("Tanh", scaled(sum))
        let total = emitter.reduce("ReduceSum", terms, axes: [3], keepsAxes: false)
        guard score == .concatenation else { return total }
        let weight = try parameters.float32("concat_score_weight")
        return emitter.apply("Mul", total, emitter.parameter("concat_score_weight", weight))
    }
}

extension ONNXEmitter {
    /// What a mask hides, with new axes at the given places.
    mutating func hidden(by mask: ONNXMask, at axes: [Int]) -> String { unsqueeze(apply("Not", mask.name), axes) }

    /// Which positions lie behind each step, bool [steps, positions], of queries and keys [batch, …, features].
    mutating func later(_ query: String, _ key: String) -> String {
        func places(_ x: String) -> String {
            apply("Range", integer(0), squeeze(lengths(x, from: 1, to: 2), [0]), integer(1))
        }
        return apply("Greater", places(key), unsqueeze(places(query), [1]))
    }

    /// Where any of the given flags is true; nil where there are none.
    mutating func anyOf(_ flags: [String?]) -> String? {
        let present = flags.compactMap { $0 }
        guard let first = present.first else { return nil }
        return present.dropFirst().reduce(first) { apply("Or", $0, $1) }
    }
}
