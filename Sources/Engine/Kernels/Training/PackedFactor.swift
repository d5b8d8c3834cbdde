internal import CKernels

/// The right factor of products, laid out for the kernels.
package struct PackedFactor {
    private let inner: Int
    private let columns: Int
    private let panels: FloatBuffer
    private let kernels: Kernels

    /// Packs a matrix [inner, columns].
    package init(_ matrix: MatrixView, kernels: Kernels = .best, pool: FloatPool? = nil) {
        inner = matrix.rows
        columns = matrix.columns
        self.kernels = kernels
        panels = FloatBuffer(uninitialized: kernels.table.pointee.gemm_packed_floats(inner, columns), pool: pool)
        guard inner > 0, columns > 0 else { return }
        kernels.table.pointee.gemm_pack(
            inner, columns, matrix.base, matrix.rowStride, matrix.columnStride, panels.base)
    }

    /// C [rows of `left`, columns] = `left` · this, or C += where `accumulating`; rows of C lie `stride` numbers apart.
    package func multiply(
        _ left: MatrixView, into c: UnsafeMutablePointer<Float>, stride: Int, accumulating: Bool = false
    ) {
        guard left.rows > 0, columns > 0 else { return }
        kernels.table.pointee.gemm(
            left.rows, columns, inner, left.base, left.rowStride, left.columnStride, panels.base, c, stride, nil,
            accumulating ? 1 : 0)
    }
}

extension Kernels {
    /// Writes the sum of the rows of a matrix [rows, columns] without gaps, or adds it where `accumulating`.
    package func sumRows(
        _ matrix: UnsafePointer<Float>, rows: Int, columns: Int, into sums: UnsafeMutablePointer<Float>,
        accumulating: Bool = false
    ) {
        if !accumulating { sums.update(repeating: 0, count: columns) }
        for row in 0..<rows { table.pointee.add(sums, matrix + row * columns, sums, columns) }
    }

    /// Adds `row` [columns] to each row of a matrix [rows, columns] without gaps.
    package func addRow(
        _ row: UnsafePointer<Float>, to matrix: UnsafeMutablePointer<Float>, rows: Int, columns: Int
    ) {
        table.pointee.add_row(row, matrix, rows, columns, columns)
    }

    /// Writes a∘b.
    package func multiply(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int
    ) {
        table.pointee.multiply(a, b, y, count)
    }

    /// Writes a + b.
    package func add(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int
    ) {
        table.pointee.add(a, b, y, count)
    }

    /// Writes dy · the slope of `activation` where it gave `y` for `x`.
    package func applyBackward(
        _ activation: KernelActivation, x: UnsafePointer<Float>?, y: UnsafePointer<Float>, dy: UnsafePointer<Float>,
        into dx: UnsafeMutablePointer<Float>, count: Int
    ) {
        table.pointee.activate_backward(activation.c, x, y, dy, dx, count)
    }
}

extension KernelActivation {
    /// Whether the slope depends on the argument and not only on the value.
    package var slopeNeedsInput: Bool { ferry_activation_needs_input(c) != 0 }

    /// The slope at `x`: the plain definition.
    package func plainSlope(_ x: Double) -> Double { ferry_oracle_activation_slope(c, x) }
    /// The value at `x`: the plain definition.
    package func plainValue(_ x: Double) -> Double { ferry_oracle_activation(c, x) }
}
