internal import CKernels

extension Kernels {
    /// A kernel [k, gates · units] as the steps of LSTM and SimpleRNN want it.
    func packRecurrent(_ kernel: Tensor, gates: Int) -> AlignedFloats {
        let (k, width) = (kernel.shape[0], kernel.shape[1])
        return pack(kernel, count: table.pointee.recurrent_packed_floats(gates, width / gates, k)) {
            table.pointee.recurrent_pack(gates, width / gates, k, $0, width, 1, $1)
        }
    }

    /// A kernel [k, 3 · units] as the steps of GRU want it.
    func packGRU(_ kernel: Tensor, resetAfter: Bool) -> AlignedFloats {
        let (k, width) = (kernel.shape[0], kernel.shape[1])
        let flag: Int32 = resetAfter ? 1 : 0
        return pack(kernel, count: table.pointee.gru_packed_floats(width / 3, k, flag)) {
            table.pointee.gru_pack(width / 3, k, flag, $0, width, 1, $1)
        }
    }

    private func pack(
        _ kernel: Tensor, count: Int, _ body: (UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void
    ) -> AlignedFloats {
        AlignedFloats(count: count) { packed in
            kernel.withUnsafeElements { (source: UnsafeBufferPointer<Float>) in
                if let source = source.baseAddress { body(source, packed) }
            }
        }
    }
}
