internal import CKernels

/// The right factor B [inner, columns] of a product, laid out for the kernels once and used many times.
package struct PackedMatrix: Sendable {
    /// The length of the axis that is summed over.
    package let inner: Int
    /// The number of columns of B and of the product.
    package let columns: Int
    private let kernels: Kernels
    private let panels: AlignedFloats
    private let bias: AlignedFloats?

    /// Packs a float32 matrix [inner, columns] and a bias [columns] that every product starts from.
    package init(_ matrix: Tensor, bias: Tensor? = nil, kernels: Kernels = .best) {
        precondition(matrix.rank == 2, "cannot pack shape \(matrix.shape) as a matrix")
        let (inner, columns) = (matrix.shape[0], matrix.shape[1])
        precondition(bias.map { $0.shape == [columns] } ?? true, "bias \(bias?.shape ?? []) on \(columns) columns")
        let table = kernels.table.pointee
        panels = AlignedFloats(count: table.gemm_packed_floats(inner, columns)) { packed in
            matrix.withUnsafeElements { (b: UnsafeBufferPointer<Float>) in
                if let b = b.baseAddress { table.gemm_pack(inner, columns, b, columns, 1, packed) }
            }
        }
        self.bias = bias.map(AlignedFloats.init)
        self.kernels = kernels
        self.inner = inner
        self.columns = columns
    }

    /// C [rows, columns] = A [rows, inner] · B + bias; strides are numbers between rows. C must not overlap A.
    package func multiply(
        rows: Int, _ a: UnsafePointer<Float>, stride aStride: Int, into c: UnsafeMutablePointer<Float>,
        stride cStride: Int
    ) {
        guard rows > 0, columns > 0 else { return }
        kernels.table.pointee.gemm(
            rows, columns, inner, a, aStride, 1, panels.base, c, cStride, bias?.base, 0)
    }
}
