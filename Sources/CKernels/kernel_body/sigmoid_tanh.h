// The two activations every gate uses. Bounds are stated in ferry_activation.h.

// Computed from e = e^-|x| as 1/(1 + e) or e/(1 + e): neither cancels, and the second keeps full
// relative precision down to the smallest denormal.
FERRY_INLINE vector sigmoid(vector x) {
    vector e = exponential_of_negative_magnitude(x);
    vector numerator = x >= 0.0f ? splat(1.0f) : e;
    return numerator / (e + 1.0f);
}

// tanh|x| = t/(t + 2) with t = e^2|x| − 1; from |x| = 9.02 on the quotient rounds to 1.
//
// Without fused multiply-add t is a little less exact, so the rounding of t + 2 is put back where
// it weighs most, for small t, where 1/(t + 2) is nearly 1/2.
FERRY_INLINE vector hyperbolic_tangent(vector x) {
    vector a = at_most(magnitude(x), 10.0f);
    vector t = expm1_in_range(a + a);
    vector sum = t + 2.0f, quotient = t / sum;
#if !FERRY_FUSED
    vector lost = t < 0.5f ? t - (sum - 2.0f) : splat(0.0f);
    quotient -= quotient * lost * 0.5f;
#endif
    return with_sign_of(quotient, x);
}
