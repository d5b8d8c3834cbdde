internal import CKernels

/// The numbers of one of Adam's updates; see `ferry_adam`.
package struct AdamFactors {
    /// 1 − β₁
    package var rest1: Float
    /// 1 − β₂
    package var rest2: Float
    package var alpha: Float
    package var epsilon: Float

    /// Factors from their parts.
    package init(rest1: Float, rest2: Float, alpha: Float, epsilon: Float) {
        self.rest1 = rest1
        self.rest2 = rest2
        self.alpha = alpha
        self.epsilon = epsilon
    }
}

extension Kernels {
    /// Adam's update of one parameter and its moments, in one pass.
    package func updateByAdam(
        count: Int, weights: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>,
        squares: UnsafePointer<Float>?, m: UnsafeMutablePointer<Float>, v: UnsafeMutablePointer<Float>,
        largestV: UnsafeMutablePointer<Float>?, _ factors: AdamFactors
    ) {
        var update = ferry_adam()
        update.count = count
        update.gradient = gradient
        update.squares = squares
        update.w = weights
        update.m = m
        update.v = v
        update.largest_v = largestV
        update.rest_1 = factors.rest1
        update.rest_2 = factors.rest2
        update.alpha = factors.alpha
        update.epsilon = factors.epsilon
        table.pointee.adam(&update)
    }
}
