public import FerryEngine

extension Dense {
    public func prepare(_ parameters: ParameterSet, _ packing: Packing) throws -> any PreparedOperator {
        try packed(parameters, packing)
    }

    /// The layer with its weights packed.
    package func packed(_ parameters: ParameterSet, _ packing: Packing) throws -> any PreparedOperator {
        let bias = useBias ? try parameters.required("bias").cast(to: .float32) : nil
        let kernel = try parameters.required("kernel").cast(to: .float32)
        return PackedDense(matrix: PackedMatrix(kernel, bias: bias, packing), activation: activation)
    }
}

/// A ``Dense`` that runs on the kernels.
// Denormals are not flushed: nothing feeds them back, and a logarithm behind the layer may want them.
struct PackedDense: PreparedOperator {
    let matrix: PackedMatrix
    let activation: ActivationFunction

    func run(_ inputs: Slots<Signal>, _ state: inout LayerState) throws -> [Signal] {
        let x = inputs[0].tensor.cast(to: .float32)
        guard x.shape.last == matrix.inner else {
            throw FerryError(.shape, found: "input \(x.shape)", expected: "[batch, …, \(matrix.inner)]")
        }
        let leading = Array(x.shape.dropLast())
        var y = Tensor(zeros: leading + [matrix.columns])
        y.withUnsafeMutableElements { (target: UnsafeMutableBufferPointer<Float>) in
            x.withUnsafeElements { (source: UnsafeBufferPointer<Float>) in
                guard let a = source.baseAddress, let c = target.baseAddress else { return }
                matrix.multiply(rows: leading.product, a, stride: matrix.inner, into: c, stride: matrix.columns)
            }
            if activation.axis == nil && activation != .linear { activation.apply(to: target) }
        }
        return [Signal(activation.axis == nil ? y : try activation(y), mask: inputs[0].mask)]
    }
}
