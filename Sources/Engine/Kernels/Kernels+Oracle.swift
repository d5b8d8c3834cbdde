internal import CKernels

extension Kernels {
    /// The scalar definitions in float64 behind the face of the kernels, for tests: weights "packed" as they are.
    package static let oracle: Kernels = {
        let table = UnsafeMutablePointer<ferry_kernel_table>.allocate(capacity: 1)
        table.initialize(to: best.table.pointee)
        let name: StaticString = "oracle"
        table.pointee.name = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
        table.pointee.activate = ferry_oracle_activate
        table.pointee.gemm_packed_floats = { k, n in k * n }
        table.pointee.gemm_pack = { k, n, b, rowStride, columnStride, packed in
            copyMatrix(b, rows: k, columns: n, rowStride: rowStride, columnStride: columnStride, to: packed)
        }
        table.pointee.gemm = { m, n, k, a, aRowStride, aColumnStride, b, c, cRowStride, bias, accumulate in
            ferry_oracle_gemm(m, n, k, a, aRowStride, aColumnStride, b, n, 1, c, cRowStride, bias, accumulate)
        }
        table.pointee.recurrent_packed_floats = { gates, hidden, k in gates * hidden * k }
        table.pointee.recurrent_pack = { gates, hidden, k, kernel, rowStride, columnStride, packed in
            copyMatrix(
                kernel, rows: k, columns: gates * hidden, rowStride: rowStride, columnStride: columnStride, to: packed)
        }
        table.pointee.gru_packed_floats = { hidden, k, _ in 3 * hidden * k }
        table.pointee.gru_pack = { hidden, k, _, kernel, rowStride, columnStride, packed in
            copyMatrix(
                kernel, rows: k, columns: 3 * hidden, rowStride: rowStride, columnStride: columnStride, to: packed)
        }
        table.pointee.lstm_step = ferry_oracle_lstm_step
        table.pointee.gru_step = ferry_oracle_gru_step
        table.pointee.rnn_step = ferry_oracle_rnn_step
        return Kernels(table)
    }()
}

private func copyMatrix(
    _ source: UnsafePointer<Float>, rows: Int, columns: Int, rowStride: Int, columnStride: Int,
    to target: UnsafeMutablePointer<Float>
) {
    for row in 0..<rows {
        for column in 0..<columns {
            target[row * columns + column] = source[row * rowStride + column * columnStride]
        }
    }
}
