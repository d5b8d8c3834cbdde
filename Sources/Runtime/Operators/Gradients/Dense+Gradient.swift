public import FerryEngine

extension Dense: TrainableOperator {
    public var untrainableReason: String? { activation.trainableReason }

    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: (x: Tensor, activation: ActivationTape)) {
        let kernel = try parameters.required("kernel").cast(to: .float32)
        let x = inputs[0].tensor.cast(to: .float32)
        let rows = x.reshaped([x.count / max(kernel.shape[0], 1), kernel.shape[0]])
        var sums = rows.product(kernel)
        if useBias { sums.addRow(try parameters.required("bias").cast(to: .float32)) }
        let tape = try ActivationTape(activation, sums.reshaped(Array(x.shape.dropLast()) + [units]))
        return ([Signal(tape.y, mask: inputs[0].mask)], (rows, tape))
    }

    public func backward(
        _ outputs: [Tensor?], _ cache: (x: Tensor, activation: ActivationTape), _ parameters: ParameterSet
    ) throws -> Gradients {
        guard let dy = outputs[0] else { return Gradients(inputs: [nil]) }
        let kernel = try parameters.required("kernel").cast(to: .float32)
        let shape = Array(dy.shape.dropLast()) + [kernel.shape[0]]
        let sums = try cache.activation.backward(dy).reshaped([cache.x.shape[0], units])
        var gradients: ParameterSet = ["kernel": cache.x.product(sums, transposingLeft: true)]
        if useBias { gradients["bias"] = sums.summedOverRows() }
        return Gradients(
            inputs: [sums.product(kernel, transposingRight: true).reshaped(shape)], parameters: gradients)
    }
}

extension Tensor {
    /// Adds `row` [columns] to each row of this tensor [rows, columns].
    mutating func addRow(_ row: Tensor) {
        let columns = row.count
        withUnsafeMutableElements { (target: UnsafeMutableBufferPointer<Float>) in
            row.withUnsafeElements { (row: UnsafeBufferPointer<Float>) in
                guard let to = target.baseAddress, let row = row.baseAddress, columns > 0 else { return }
                for start in stride(from: 0, to: target.count, by: columns) {
                    Kernels.best.add(to + start, row, into: to + start, count: columns)
                }
            }
        }
    }
}
