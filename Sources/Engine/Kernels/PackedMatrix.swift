internal import CKernels

/// The right factor B [inner, columns] of a product, laid out for the kernels once and used many times.
package struct PackedMatrix: Sendable {
    /// The length of the axis that is summed over.
    package let inner: Int
    /// The number of columns of B and of the product.
    package let columns: Int
    let kernels: Kernels
    let bias: AlignedFloats?
    let weights: PackedWeights

    /// Packs a float32 matrix [inner, columns] and a bias [columns] that every product starts from.
    package init(_ matrix: Tensor, bias: Tensor? = nil, _ packing: Packing = Packing()) {
        precondition(matrix.rank == 2, "cannot pack shape \(matrix.shape) as a matrix")
        let (inner, columns) = (matrix.shape[0], matrix.shape[1])
        precondition(bias.map { $0.shape == [columns] } ?? true, "bias \(bias?.shape ?? []) on \(columns) columns")
        let table = packing.kernels.table.pointee
        let count = table.gemm_packed_floats(inner, columns)
        let panels = AlignedFloats(count: count) { packed in
            matrix.withUnsafeElements { (b: UnsafeBufferPointer<Float>) in
                if let b = b.baseAddress { table.gemm_pack(inner, columns, b, columns, 1, packed) }
            }
        }
        // In fewer bits only where the columns fill whole panels: that is how far those kernels write.
        let isWhole = inner > 0 && count == inner * columns
        weights = PackedWeights(
            panels, depth: inner, columns: columns, isWhole ? packing.precision : .float32, kernels: packing.kernels)
        self.bias = bias.map { AlignedFloats($0) }
        kernels = packing.kernels
        self.inner = inner
        self.columns = columns
    }

    /// C [rows, columns] = A [rows, inner] · B + bias; strides are numbers between rows. C must not overlap A.
    package func multiply(
        rows: Int, _ a: UnsafePointer<Float>, stride aStride: Int, into c: UnsafeMutablePointer<Float>,
        stride cStride: Int
    ) {
        guard rows > 0, columns > 0 else { return }
        Workspace.withFloats(spaceCount) { space in
            withUnsafePointer(to: product(rows: rows, a, stride: aStride, into: c, stride: cStride, space: space)) {
                _ = ferry_call_product($0)
            }
        }
    }

    /// How many floats a product works in.
    var spaceCount: Int { weights.c.format == WeightPrecision.int8.format ? 48 * (inner / 2 + 2) : 0 }

    /// The kernels' form of a product.
    func product(
        rows: Int, _ a: UnsafePointer<Float>, stride aStride: Int, into c: UnsafeMutablePointer<Float>,
        stride cStride: Int, space: UnsafeMutablePointer<Float>
    ) -> ferry_product {
        var product = ferry_product()
        product.table = kernels.table
        product.repeats = 1
        product.rows = rows
        product.columns = columns
        product.a = a
        product.a_row_stride = aStride
        product.b = weights.c
        product.bias = bias.map { $0.base }
        product.space = space
        product.c = c
        product.c_row_stride = cStride
        product.activation.kind = Int32(FERRY_ACTIVATION_LINEAR.rawValue)
        return product
    }
}
