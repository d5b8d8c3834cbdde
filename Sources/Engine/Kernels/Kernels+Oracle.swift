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
        table.pointee.product = { m, n, a, aStride, weights, c, cStride, bias, _ in
            let b = weights.pointee.panels.assumingMemoryBound(to: Float.self)
            ferry_oracle_gemm(m, n, weights.pointee.depth, a, aStride, 1, b, n, 1, c, cStride, bias, 0)
        }
        table.pointee.cell_columns = { cell, hidden in gateCount(cell) * hidden }
        table.pointee.cell_pack = { cell, hidden, k, kernel, rowStride, columnStride, packed in
            copyMatrix(
                kernel, rows: k, columns: gateCount(cell) * hidden, rowStride: rowStride, columnStride: columnStride,
                to: packed)
        }
        table.pointee.cell_scratch_floats = { step, rows in rows * step.pointee.hidden }
        table.pointee.cell_step = ferry_oracle_step
        return Kernels(table)
    }()
}

private func gateCount(_ cell: Int32) -> Int {
    switch cell {
    case Int32(FERRY_CELL_LSTM.rawValue): 4
    case Int32(FERRY_CELL_SIMPLE.rawValue): 1
    default: 3
    }
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
