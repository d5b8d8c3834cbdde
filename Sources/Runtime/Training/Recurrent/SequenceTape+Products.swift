import FerryEngine

extension SequenceTape {
    /// The product with a kernel of the layer.
    func product(
        _ parameters: ParameterSet, _ name: String, columns: Range<Int>? = nil, masks: [Tensor]
    ) throws -> GateProduct {
        GateProduct(
            try parameters.required(name).cast(to: .float32), columns: columns, masks: masks, pool: pool)
    }

    /// Fills `sums` [rows, columns of the kernel] with x·W.
    func project(by product: GateProduct, into sums: FloatBuffer) {
        product.add(rows: rows, x.base, to: sums.base, overwriting: true)
    }

    /// The bias of the layer, or some of its rows, where it uses one.
    ///
    /// Steps add it behind their products, as Keras does: what is rounded then is the same.
    func bias(_ parameters: ParameterSet, isUsed: Bool, row: Int? = nil) throws -> FloatBuffer? {
        guard isUsed else { return nil }
        let bias = try parameters.required("bias").cast(to: .float32)
        return FloatBuffer(row.map { bias.sliced(axis: 0, from: $0, count: 1) } ?? bias)
    }

    /// Adds a bias to the sums of one step.
    func add(_ bias: FloatBuffer?, to sums: UnsafeMutablePointer<Float>) {
        guard let bias else { return }
        Kernels.best.addRow(bias.base, to: sums, rows: batch, columns: bias.count)
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
