internal import CKernels

/// A float32 matrix somewhere in memory; element (i, j) lies at `base[i · rowStride + j · columnStride]`.
package struct MatrixView {
    package var base: UnsafePointer<Float>
    package var rows: Int
    package var columns: Int
    package var rowStride: Int
    package var columnStride: Int

    /// A matrix stored row after row; `rowStride` is the number of columns if left out.
    package init(_ base: UnsafePointer<Float>, rows: Int, columns: Int, rowStride: Int? = nil) {
        self.base = base
        self.rows = rows
        self.columns = columns
        self.rowStride = rowStride ?? columns
        columnStride = 1
    }

    /// The same memory with rows and columns exchanged.
    package var transposed: MatrixView {
        var view = self
        (view.rows, view.columns) = (columns, rows)
        (view.rowStride, view.columnStride) = (columnStride, rowStride)
        return view
    }
}

extension Kernels {
    /// C = A·B, or C += A·B, for operands in any order: `a.transposed` is as fast as `a`.
    ///
    /// B is packed on every call; where one B is used often, use a ``PackedMatrix``.
    ///
    /// - Parameters:
    ///   - a: A [rows, inner].
    ///   - b: B [inner, columns].
    ///   - c: C [rows, columns], which must not overlap the others.
    ///   - stride: The number of floats between rows of C; `b.columns` if left out.
    ///   - accumulating: Whether the product is added to C.
    package func multiply(
        _ a: MatrixView, _ b: MatrixView, into c: UnsafeMutablePointer<Float>, stride: Int? = nil,
        accumulating: Bool = false
    ) {
        precondition(a.columns == b.rows, "cannot multiply by \(b.rows) rows what has \(a.columns) columns")
        guard a.rows > 0, b.columns > 0 else { return }
        let kernels = table.pointee
        Workspace.withFloats(kernels.gemm_packed_floats(b.rows, b.columns)) { packed in
            kernels.gemm_pack(b.rows, b.columns, b.base, b.rowStride, b.columnStride, packed)
            kernels.gemm(
                a.rows, b.columns, a.columns, a.base, a.rowStride, a.columnStride, packed, c, stride ?? b.columns, nil,
                accumulating ? 1 : 0)
        }
    }
}
