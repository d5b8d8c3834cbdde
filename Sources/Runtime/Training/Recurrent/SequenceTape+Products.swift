import FerryEngine

extension SequenceTape {
    /// The product with a kernel of the layer.
    func product(
        _ parameters: ParameterSet, _ name: String, columns: Range<Int>? = nil, masks: [Tensor]
    ) throws -> GateProduct {
        GateProduct(
            try parameters.required(name).cast(to: .float32), columns: columns, masks: masks, pool: pool)
    }

    /// Fills `sums` [rows, columns of the kernel] with x·W + b.
    func project(by product: GateProduct, bias: Tensor?, into sums: FloatBuffer) {
        guard let bias else { return product.add(rows: rows, x.base, to: sums.base, overwriting: true) }
        bias.withUnsafeElements { (bias: UnsafeBufferPointer<Float>) in
            product.add(rows: rows, x.base, to: sums.base, overwriting: true, bias: bias.baseAddress)
        }
    }

    /// The gradients of `kernel`, `recurrent_kernel` and `bias` where x·W + h·U + b gave the sums whose gradients
    /// `sums` [rows, columns of the kernels] holds.
    func gradients(
        ofSums sums: FloatBuffer, _ input: GateProduct, _ recurrent: GateProduct, hasBias: Bool
    ) -> ParameterSet {
        var dW = Tensor(zeros: [features, input.width])
        var dU = Tensor(zeros: [units, input.width])
        var db = Tensor(zeros: [input.width])
        dW.write { dW in
            dU.write { dU in
                db.write { db in
                    writeGradients(ofSums: sums, (input, dW), (recurrent, dU), rowSum: hasBias ? db : nil)
                }
            }
        }
        var gradients: ParameterSet = ["kernel": dW, "recurrent_kernel": dU]
        if hasBias { gradients["bias"] = db }
        return gradients
    }

    private typealias KernelGradient = (product: GateProduct, target: UnsafeMutablePointer<Float>)

    private func writeGradients(
        ofSums sums: FloatBuffer, _ input: KernelGradient, _ recurrent: KernelGradient,
        rowSum: UnsafeMutablePointer<Float>?
    ) {
        let h = states[0].base
        if let ofX = input.product.gradientFactor(x.base, of: input.target),
            let ofH = recurrent.product.gradientFactor(h, zeroRows: zeroRows, of: recurrent.target)
        {
            let dy = MatrixView(sums.base, rows: rows, columns: input.product.width)
            Kernels.best.weightGradient(dy, ofX, ofH, rowSum: rowSum, pool: pool)
        } else {
            input.product.writeWeightGradient(rows: rows, x.base, sums.base, to: input.target, rowSum: rowSum)
            recurrent.product.writeWeightGradient(rows: rows, h, sums.base, to: recurrent.target)
        }
    }
}

extension Tensor {
    /// Calls `body` with the first of this float32 tensor's elements, to be written.
    mutating func write(_ body: (UnsafeMutablePointer<Float>) -> Void) {
        withUnsafeMutableElements { (target: UnsafeMutableBufferPointer<Float>) in
            if let base = target.baseAddress { body(base) }
        }
    }
}
