internal import CKernels

/// What was multiplied with a kernel, and where the kernel's gradient goes; see `ferry_gradient_factor`.
package struct GradientFactor {
    /// x [rows, columns], whose rows lie one after the other.
    package var x: UnsafePointer<Float>
    package var columns: Int
    /// How many rows at the start are known to be zero.
    package var zeroRows = 0
    /// The gradient [columns of x, columns of dy].
    package var gradient: UnsafeMutablePointer<Float>
    /// The number of floats between rows of the gradient.
    package var stride: Int

    /// A factor from its parts.
    package init(
        _ x: UnsafePointer<Float>, columns: Int, zeroRows: Int = 0, gradient: UnsafeMutablePointer<Float>, stride: Int
    ) {
        self.x = x
        self.columns = columns
        self.zeroRows = zeroRows
        self.gradient = gradient
        self.stride = stride
    }

    fileprivate var c: ferry_gradient_factor {
        ferry_gradient_factor(
            x: x, columns: columns, stride: columns, zero_rows: zeroRows, gradient: gradient, gradient_stride: stride)
    }
}

extension Kernels {
    /// Writes xᵀ·dy to the gradient of one or two factors x, and the sum of the rows of dy to `rowSum`.
    ///
    /// Gradients of factors without a row that may be other than zero keep what they hold.
    package func weightGradient(
        _ dy: MatrixView, _ first: GradientFactor, _ second: GradientFactor? = nil,
        rowSum: UnsafeMutablePointer<Float>? = nil, pool: FloatPool? = nil
    ) {
        let workspace = FloatBuffer(
            uninitialized: table.pointee.weight_gradient_floats(dy.rows, dy.columns), pool: pool)
        var products = ferry_weight_gradient()
        products.rows = dy.rows
        products.columns = dy.columns
        products.dy = dy.base
        products.dy_stride = dy.rowStride
        products.factor_count = second == nil ? 1 : 2
        products.factors = (first.c, second?.c ?? ferry_gradient_factor())
        products.row_sum = rowSum
        products.workspace = workspace.base
        withExtendedLifetime(workspace) { table.pointee.weight_gradient(&products) }
    }
}
