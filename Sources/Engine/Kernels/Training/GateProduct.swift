/// y += x·W for some columns of a gate-stacked kernel, and its gradients; x may be dropped out by a mask for each gate.
package final class GateProduct {
    private let inner: Int
    private let columns: Range<Int>
    private let masks: [FloatBuffer]
    private let kernel: Tensor
    /// The columns of the whole kernel.
    package let width: Int
    private let kernels: Kernels
    private let pool: FloatPool?
    /// The columns that share a mask.
    private let groups: [Range<Int>]
    private lazy var forward = packed(transposed: false)
    private lazy var backward = packed(transposed: true)

    /// - Parameters:
    ///   - kernel: W [inner, gates · units].
    ///   - columns: those that this product fills.
    ///   - masks: none, one [rows, inner] for all columns, or one for each of as many parts of them.
    ///   - pool: where memory comes from.
    package init(
        _ kernel: Tensor, columns: Range<Int>? = nil, masks: [Tensor] = [], kernels: Kernels = .best,
        pool: FloatPool? = nil
    ) {
        inner = kernel.shape[0]
        width = kernel.shape[1]
        let columns = columns ?? 0..<kernel.shape[1]
        self.columns = columns
        let length = columns.count / max(masks.count, 1)
        groups = (0..<max(masks.count, 1)).map { part in
            let start = columns.lowerBound + part * length
            return start..<(start + length)
        }
        self.masks = masks.map { FloatBuffer($0) }
        self.kernel = kernel
        self.kernels = kernels
        self.pool = pool
    }

    /// Adds x·W to the columns of y [rows, width], or overwrites them. The rows of x [rows, inner] repeat the rows of
    /// the masks.
    package func add(
        rows: Int, _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, overwriting: Bool = false
    ) {
        for (index, group) in groups.enumerated() {
            withMasked(x, rows: rows, index) { left in
                forward[index].multiply(
                    left, into: y + group.lowerBound, stride: width, accumulating: !overwriting)
            }
        }
    }

    /// Adds dy·Wᵀ to dx [rows, inner], from the columns of dy [rows, width], or overwrites it.
    package func addInputGradient(
        rows: Int, _ dy: UnsafePointer<Float>, to dx: UnsafeMutablePointer<Float>, overwriting: Bool = false
    ) {
        let part = masks.isEmpty ? nil : FloatBuffer(uninitialized: rows * inner, pool: pool)
        if part != nil, overwriting { dx.update(repeating: 0, count: rows * inner) }
        for (index, group) in groups.enumerated() {
            let left = MatrixView(dy + group.lowerBound, rows: rows, columns: group.count, rowStride: width)
            guard let part else {
                backward[index].multiply(left, into: dx, stride: inner, accumulating: !overwriting)
                continue
            }
            backward[index].multiply(left, into: part.base, stride: inner)
            multiply(part.base, by: masks[index], rows: rows, into: part.base)
            withExtendedLifetime(part) { kernels.add(dx, part.base, into: dx, count: rows * inner) }
        }
    }

    /// What this product over all columns has in the gradient of W [inner, width]; nil where masks make it more than one
    /// product.
    package func gradientFactor(
        _ x: UnsafePointer<Float>, zeroRows: Int = 0, of dW: UnsafeMutablePointer<Float>
    ) -> GradientFactor? {
        guard masks.isEmpty, columns.count == width else { return nil }
        return GradientFactor(x, columns: inner, zeroRows: zeroRows, gradient: dW, stride: width)
    }

    /// Writes xᵀ·dy to the columns of dW [inner, width], and the sums of the columns of dy to those of `rowSum` [width].
    package func writeWeightGradient(
        rows: Int, _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, to dW: UnsafeMutablePointer<Float>,
        rowSum: UnsafeMutablePointer<Float>? = nil
    ) {
        for (index, group) in groups.enumerated() {
            let right = MatrixView(dy + group.lowerBound, rows: rows, columns: group.count, rowStride: width)
            withMasked(x, rows: rows, index) { left in
                let factor = GradientFactor(
                    left.base, columns: inner, gradient: dW + group.lowerBound, stride: width)
                kernels.weightGradient(right, factor, rowSum: rowSum.map { $0 + group.lowerBound }, pool: pool)
            }
        }
    }

    private func packed(transposed: Bool) -> [PackedFactor] {
        kernel.withUnsafeElements { (weights: UnsafeBufferPointer<Float>) in
            guard let base = weights.baseAddress else { return [] }
            return groups.map { group in
                let view = MatrixView(base + group.lowerBound, rows: inner, columns: group.count, rowStride: width)
                return PackedFactor(transposed ? view.transposed : view, kernels: kernels, pool: pool)
            }
        }
    }

    /// Calls `body` with x [rows, inner] itself, or with a copy dropped out for one group.
    private func withMasked(_ x: UnsafePointer<Float>, rows: Int, _ group: Int, _ body: (MatrixView) -> Void) {
        guard !masks.isEmpty else { return body(MatrixView(x, rows: rows, columns: inner)) }
        let copy = FloatBuffer(uninitialized: rows * inner, pool: pool)
        multiply(x, by: masks[group], rows: rows, into: copy.base)
        withExtendedLifetime(copy) { body(MatrixView(copy.base, rows: rows, columns: inner)) }
    }

    private func multiply(
        _ x: UnsafePointer<Float>, by mask: FloatBuffer, rows: Int, into y: UnsafeMutablePointer<Float>
    ) {
        guard mask.count > 0 else { return }
        let count = rows * inner
        for start in stride(from: 0, to: count, by: mask.count) {
            kernels.multiply(x + start, mask.base, into: y + start, count: min(mask.count, count - start))
        }
    }
}
