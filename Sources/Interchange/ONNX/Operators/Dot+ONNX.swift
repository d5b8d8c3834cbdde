import FerryEngine
package import FerryRuntime

/// MatMul of inputs whose axes Transpose and Unsqueeze bring into place; Einsum for inputs with more than three axes.
/// Lines of length 1 are made by Div and the root of ReduceSum of squares.
extension Dot: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let operands = try (0..<2).map { i -> (name: String, rank: Int, axis: Int) in
            let rank = inputs[i].type.rank
            let axis = try checkedAxis(axes[i], rank: rank)
            let x = emitter.float32(inputs[i])
            return (normalizes ? normalized(x, axis, &emitter) : x, rank, axis)
        }
        let (a, b) = (operands[0], operands[1])
        guard a.rank <= 3, b.rank <= 3 else {
            let product = emitter.apply("Einsum", a.name, b.name, attributes: ["equation": .text(equation(a, b))])
            return try signals(product, for: inputs)
        }
        // [batch, rows, length] and [batch, length, columns]
        let left =
            a.rank == 2
            ? emitter.unsqueeze(a.name, [1]) : emitter.transpose(a.name, a.axis == 2 ? [0, 1, 2] : [0, 2, 1])
        let right =
            b.rank == 2
            ? emitter.unsqueeze(b.name, [2]) : emitter.transpose(b.name, b.axis == 1 ? [0, 1, 2] : [0, 2, 1])
        let product = emitter.apply("MatMul", left, right)
        // Where neither has another axis, one of length 1 stays.
        let dropped = a.rank == 2 ? [1] : b.rank == 2 ? [2] : []
        return try signals(dropped.isEmpty ? product : emitter.squeeze(product, dropped), for: inputs)
    }

    /// Each line along `axis`, divided by its length.
    private func normalized(_ x: String, _ axis: Int, _ emitter: inout ONNXEmitter) -> String {
        let square = emitter.reduce("ReduceSum", emitter.apply("Mul", x, x), axes: [axis], keepsAxes: true)
        let length = emitter.apply("Sqrt", emitter.apply("Max", square, emitter.scalar(1e-12)))
        return emitter.apply("Div", x, length)
    }

    /// Axis a is the batch, axis b the one that is summed along.
    private func equation(
        _ a: (name: String, rank: Int, axis: Int), _ b: (name: String, rank: Int, axis: Int)
    ) -> String {
        var letters = "cdefghijklmnopqrstuvwxyz".makeIterator()
        func term(_ rank: Int, _ axis: Int) -> [Character] {
            (0..<rank).map { $0 == 0 ? "a" : $0 == axis ? "b" : letters.next() ?? "?" }
        }
        let (first, second) = (term(a.rank, a.axis), term(b.rank, b.axis))
        let rest = first.dropFirst().filter { $0 != "b" } + second.dropFirst().filter { $0 != "b" }
        return String(first + "," + second + "->a" + rest)
    }
}
