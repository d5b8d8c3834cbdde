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

// A quotient not yet divided, so that a product of two functions costs one division.
typedef struct quotient {
    vector numerator, denominator;
} quotient;

// Of several x at once the quotients that are sigmoid x = 1/(1 + e^-x), or tanh x = t/(t + 2) with t = e^2x − 1 for
// those from `first_tanh` on. For the gates of a recurrence, where numbers below 2^-126 are flushed: this form needs
// no case for the sign, and tanh(−0) is 0.
FERRY_INLINE void gate_quotients(const vector *x, quotient *q, const int count, const int first_tanh) {
    vector y[FERRY_MAX_STAGED], shifted[FERRY_MAX_STAGED], p[FERRY_MAX_STAGED], scale[FERRY_MAX_STAGED];
    FERRY_STAGE(i, count) y[i] = i < first_tanh ? clamp(-x[i], -87.0f, 88.0f) : clamp(x[i] + x[i], -20.0f, 20.0f);
    FERRY_STAGE(i, count) shifted[i] = shifted_exponent(y[i]);
    FERRY_STAGE(i, count) y[i] = multiply_add(shifted[i] - splat(FERRY_ROUNDING_SHIFT), splat(-FERRY_LN2_HIGH), y[i]);
    FERRY_STAGE(i, count) y[i] = multiply_add(shifted[i] - splat(FERRY_ROUNDING_SHIFT), splat(-FERRY_LN2_LOW), y[i]);
    reduced_expm1_all(y, p, count);
    FERRY_STAGE(i, count) scale[i] = power_of_two(shifted[i], 0);
    FERRY_STAGE(i, count) p[i] = multiply_add(p[i], scale[i], i < first_tanh ? scale[i] : scale[i] - 1.0f);
    FERRY_STAGE(i, count) q[i].numerator = i < first_tanh ? splat(1.0f) : p[i];
    FERRY_STAGE(i, count) q[i].denominator = p[i] + (i < first_tanh ? 1.0f : 2.0f);
}

FERRY_INLINE vector divided(quotient q) { return q.numerator / q.denominator; }

FERRY_INLINE vector product_divided(quotient a, quotient b) {
    return a.numerator * b.numerator / (a.denominator * b.denominator);
}
