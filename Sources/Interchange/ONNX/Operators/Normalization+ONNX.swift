import FerryEngine
package import FerryRuntime

/// The operator BatchNormalization, which keeps all four parameters and ε and acts along axis 1.
///
/// Another last axis is brought there by Reshape to [−1, features], and back by Reshape to the input's Shape; an axis
/// between by a Transpose that swaps it with axis 1, and the same Transpose again. A missing γ or β is ones or zeros.
extension BatchNormalization: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let (x, rank) = (emitter.float32(inputs[0]), inputs[0].type.rank)
        let axis = resolvedAxis(axis, rank: rank) ?? rank - 1
        let mean = try parameters.float32("moving_mean")
        let y: String
        if axis == 1 {
            y = try normalize(x, mean, parameters, &emitter)
        } else if axis == rank - 1 {
            let rows = emitter.reshape(x, [-1, mean.count])
            y = emitter.apply("Reshape", try normalize(rows, mean, parameters, &emitter), emitter.lengths(x))
        } else {
            var swap = Array(0..<rank)
            swap.swapAt(1, axis)
            y = emitter.transpose(try normalize(emitter.transpose(x, swap), mean, parameters, &emitter), swap)
        }
        return try signals(y, for: inputs, mask: inputs[0].mask)
    }

    private func normalize(
        _ x: String, _ mean: Tensor, _ parameters: ParameterSet, _ emitter: inout ONNXEmitter
    ) throws -> String {
        let ones = Tensor([Float](repeating: 1, count: mean.count))
        let gamma = scale ? try parameters.float32("gamma") : ones
        let beta = center ? try parameters.float32("beta") : Tensor(zeros: mean.shape)
        return emitter.apply(
            "BatchNormalization", x, emitter.parameter("gamma", gamma), emitter.parameter("beta", beta),
            emitter.parameter("moving_mean", mean),
            emitter.parameter("moving_variance", try parameters.float32("moving_variance")),
            attributes: ["epsilon": .float(epsilon), "momentum": .float(Float(momentum))])
    }
}

/// The operator LayerNormalization, from opset 17 and where the axes are the last ones.
///
/// Otherwise ReduceMean, Sub, Mul, ReduceMean, Add ε, Sqrt, Div, then Mul γ and Add β, which have length 1 along the
/// other axes. Without the mean (RMS) the first two are missing.
extension LayerNormalization: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let (x, rank) = (emitter.float32(inputs[0]), inputs[0].type.rank)
        let axes = resolvedAxes(rank: rank)
        let shape = axes.map { inputs[0].type.shape[$0].length ?? 1 }
        // In the order of the input's axes, see `parameterSpecs`.
        let gamma = scale ? try parameters.float32("gamma").reshaped(shape) : nil
        let beta = center && !usesRootMeanSquare ? try parameters.float32("beta").reshaped(shape) : nil

        let y: String
        if emitter.opset >= 17 && !usesRootMeanSquare && axes == Array((rank - axes.count)..<rank) {
            let ones = Tensor([Float](repeating: 1, count: shape.product), shape: shape)
            let operands =
                [x, emitter.parameter("gamma", gamma ?? ones)]
                + (beta.map { [emitter.parameter("beta", $0)] } ?? [])
            y = emitter.apply(
                "LayerNormalization", to: operands,
                attributes: ["axis": .int(-axes.count), "epsilon": .float(epsilon)])
        } else {
            let aligned = (0..<rank).map { axis in axes.firstIndex(of: axis).map { shape[$0] } ?? 1 }
            var z = normalize(x, axes, &emitter)
            if let gamma { z = emitter.apply("Mul", z, emitter.parameter("gamma", gamma.reshaped(aligned))) }
            if let beta { z = emitter.apply("Add", z, emitter.parameter("beta", beta.reshaped(aligned))) }
            y = z
        }
        return try signals(y, for: inputs, mask: inputs[0].mask)
    }

    private func normalize(_ x: String, _ axes: [Int], _ emitter: inout ONNXEmitter) -> String {
        func mean(_ x: String) -> String { emitter.reduce("ReduceMean", x, axes: axes, keepsAxes: true) }
        let centred = usesRootMeanSquare ? x : emitter.apply("Sub", x, mean(x))
        let variance = mean(emitter.apply("Mul", centred, centred))
        let deviation = emitter.apply("Sqrt", emitter.apply("Add", variance, emitter.scalar(epsilon)))
        return emitter.apply("Div", centred, deviation)
    }
}
