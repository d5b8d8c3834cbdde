extension Tensor {
    /// The matrix product of `self` [rows, inner] and `other` [inner, columns], float32: the plain definition.
    public func matmul(_ other: Tensor) -> Tensor {
        let (rows, inner, columns) = (shape[0], shape[1], other.shape[1])
        precondition(other.shape[0] == inner, "cannot multiply \(shape) by \(other.shape)")
        return withUnsafeElements { (a: UnsafeBufferPointer<Float>) in
            other.withUnsafeElements { (b: UnsafeBufferPointer<Float>) in
                Tensor(shape: [rows, columns], of: Float.self) { c in
                    for row in 0..<rows {
                        for k in 0..<inner {
                            let factor = a[row * inner + k]
                            for column in 0..<columns { c[row * columns + column] += factor * b[k * columns + column] }
                        }
                    }
                }
            }
        }
    }

    /// Elementwise sum with NumPy's broadcasting, float32.
    public static func + (a: Tensor, b: Tensor) -> Tensor { a.combined(b) { $0 + $1 } }
    /// Elementwise difference with NumPy's broadcasting, float32.
    public static func - (a: Tensor, b: Tensor) -> Tensor { a.combined(b) { $0 - $1 } }
    /// Elementwise product with NumPy's broadcasting, float32.
    public static func * (a: Tensor, b: Tensor) -> Tensor { a.combined(b) { $0 * $1 } }

    private func combined(_ other: Tensor, _ body: (Float, Float) -> Float) -> Tensor {
        do { return try combining(other, body) } catch { preconditionFailure("\(error)") }
    }
}
