/// y += x·W for some columns of a gate-stacked kernel, and its gradients; x may be dropped out by a mask for each gate.
package final class GateProduct {
    private let inner: Int
    private let columns: Range<Int>
    private let masks: [FloatBuffer]
    private let kernel: FloatBuffer
    private let width: Int
    private let kernels: Kernels
    private let forward: [PackedFactor]
    private lazy var backward: [PackedFactor] = groups.map { group in
        PackedFactor(weights(of: group).transposed, kernels: kernels)
    }

    /// - Parameters:
    ///   - kernel: W [inner, gates · units].
    ///   - columns: those that this product fills.
    ///   - masks: none, one [rows, inner] for all columns, or one for each of as many parts of them.
    package init(
        _ kernel: Tensor, columns: Range<Int>? = nil, masks: [Tensor] = [], kernels: Kernels = .best
    ) {
        inner = kernel.shape[0]
        width = kernel.shape[1]
        let columns = columns ?? 0..<kernel.shape[1]
        let buffer = FloatBuffer(kernel)
        self.columns = columns
        self.masks = masks.map(FloatBuffer.init)
        self.kernel = buffer
        self.kernels = kernels
        let (inner, width) = (inner, width)
        forward = Self.groups(columns, count: max(masks.count, 1)).map { group in
            PackedFactor(
                MatrixView(buffer.base + group.lowerBound, rows: inner, columns: group.count, rowStride: width),
                kernels: kernels)
        }
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

    /// Adds dy·Wᵀ to dx [rows, inner], from the columns of dy [rows, width].
    package func addInputGradient(rows: Int, _ dy: UnsafePointer<Float>, to dx: UnsafeMutablePointer<Float>) {
        let part = masks.isEmpty ? nil : FloatBuffer(uninitialized: rows * inner)
        for (index, group) in groups.enumerated() {
            let left = MatrixView(dy + group.lowerBound, rows: rows, columns: group.count, rowStride: width)
            guard let part else {
                backward[index].multiply(left, into: dx, stride: inner, accumulating: true)
                continue
            }
            backward[index].multiply(left, into: part.base, stride: inner)
            multiply(part.base, by: masks[index], rows: rows, into: part.base)
            withExtendedLifetime(part) { kernels.add(dx, part.base, into: dx, count: rows * inner) }
        }
    }

    /// Adds xᵀ·dy to the columns of dW [inner, width].
    package func addWeightGradient(
        rows: Int, _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, to dW: UnsafeMutablePointer<Float>
    ) {
        for (index, group) in groups.enumerated() {
            let right = PackedFactor(
                MatrixView(dy + group.lowerBound, rows: rows, columns: group.count, rowStride: width),
                kernels: kernels)
            withMasked(x, rows: rows, index) { left in
                right.multiply(left.transposed, into: dW + group.lowerBound, stride: width, accumulating: true)
            }
        }
    }

    private var groups: [Range<Int>] { Self.groups(columns, count: max(masks.count, 1)) }

    private static func groups(_ columns: Range<Int>, count: Int) -> [Range<Int>] {
        let length = columns.count / count
        return (0..<count).map { part in
            let start = columns.lowerBound + part * length
            return start..<(start + length)
        }
    }

    private func weights(of group: Range<Int>) -> MatrixView {
        MatrixView(kernel.base + group.lowerBound, rows: inner, columns: group.count, rowStride: width)
    }

    /// Calls `body` with x [rows, inner] itself, or with a copy dropped out for one group.
    private func withMasked(_ x: UnsafePointer<Float>, rows: Int, _ group: Int, _ body: (MatrixView) -> Void) {
        guard !masks.isEmpty else { return body(MatrixView(x, rows: rows, columns: inner)) }
        let copy = FloatBuffer(uninitialized: rows * inner)
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
