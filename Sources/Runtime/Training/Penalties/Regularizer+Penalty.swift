import FerryEngine

extension Regularizer {
    /// What is added to the loss for `x`; a matrix for ``orthogonal(factor:columns:)``.
    func penalty(_ x: Tensor) -> Double {
        switch self {
        case .l1l2(let l1, let l2):
            return x.withUnsafeElements { (x: UnsafeBufferPointer<Float>) in
                x.reduce(0) { $0 + l1 * Double(abs($1)) + l2 * Double($1) * Double($1) }
            }
        case .orthogonal(let factor, let columns):
            let (cosines, pairs) = cosines(x, columns)
            return factor * 0.5 * cosines.floats.reduce(0) { $0 + Double(abs($1)) } / pairs
        }
    }

    /// The gradient of ``penalty(_:)``.
    func gradient(_ x: Tensor) -> Tensor {
        switch self {
        case .l1l2(let l1, let l2):
            let (l1, l2) = (Float(l1), Float(2 * l2))
            return x.map { (x: Float) in l2 * x + (x > 0 ? l1 : x < 0 ? -l1 : 0) }
        case .orthogonal(let factor, let columns):
            let rows = columns ? x.transposed([1, 0]) : x
            let unit = LineNormalization(rows, .length(minimum: 1e-12))
            let (cosines, pairs) = cosines(x, columns)
            let signs = cosines.map { (c: Float) in c > 0 ? Float(1) : c < 0 ? -1 : 0 }
            // Each pair stands in the matrix twice.
            let dUnit = signs.product(unit.y).scaled(by: Float(factor / pairs))
            let gradient = unit.backward(dUnit)
            return columns ? gradient.transposed([1, 0]) : gradient
        }
    }

    /// Adds the penalty of a layer's output to the loss, divided by the number of samples as Keras 3 does.
    ///
    /// - Returns: its gradient.
    func activityPenalty(_ output: Tensor, _ pass: inout TrainingPass) -> Tensor {
        let samples = max(output.shape.first ?? 1, 1)
        pass.penalty += penalty(output) / Double(samples)
        return gradient(output).scaled(by: 1 / Float(samples))
    }

    /// The cosines between different rows, and the number of pairs.
    private func cosines(_ x: Tensor, _ columns: Bool) -> (Tensor, pairs: Double) {
        let rows = columns ? x.transposed([1, 0]) : x
        let unit = LineNormalization(rows, .length(minimum: 1e-12)).y
        let count = unit.shape[0]
        var cosines = unit.product(unit, transposingRight: true)
        cosines.withUnsafeMutableElements { (c: UnsafeMutableBufferPointer<Float>) in
            for i in 0..<count { c[i * count + i] = 0 }
        }
        return (cosines, Double(count * (count - 1)) / 2)
    }
}

extension Model {
    /// The gradients of what regularizers add to the loss for parameters that training changes.
    package func regularizerGradients() throws -> ParameterSet {
        var gradients = ParameterSet()
        for spec in try graph.parameterSpecs() where spec.isTrainable {
            guard let regularizer = spec.policy.regularizer, let parameter = parameters[spec.name] else { continue }
            gradients[spec.name] = regularizer.gradient(parameter)
        }
        return gradients
    }
}
