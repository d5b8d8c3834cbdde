// e^x and its relatives: Cody and Waite's reduction x = n·ln 2 + r with |r| ≤ ln 2 / 2, then a
// minimax polynomial (fitted for relative error 2^-26 of e^r − 1 and 2^-27 of e^r) and a scaling by 2^n.
//
// The high part of ln 2 has nine significant bits, so n·high is exact with and without FMA.

#define FERRY_LN2_HIGH 0x1.63p-1f
#define FERRY_LN2_LOW -0x1.bd0106p-13f

// Adding this rounds to an integer and leaves that integer in the low bits of the sum.
#define FERRY_ROUNDING_SHIFT 0x1.8p23f

// How many numbers are computed side by side, operation by operation.
#define FERRY_MAX_STAGED 6
#define FERRY_STAGE(i, count) _Pragma("clang loop unroll(full)") for (int i = 0; i < (count); i++)

// e^r − 1 for reduced r: r + r²·(e^r − 1 − r)/r². By Estrin's scheme, because a step waits for it.
FERRY_INLINE vector reduced_expm1(vector r) {
    vector square = r * r;
    vector low = multiply_add(r, splat(0x1.5554b6p-3f), splat(0x1.000002p-1f));
    vector high = multiply_add(r, splat(0x1.1224fp-7f), splat(0x1.55513cp-5f));
    high = multiply_add(square, splat(0x1.702c54p-10f), high);
    return multiply_add(square, multiply_add(square, high, low), r);
}

// The same of several numbers, one operation after another of all of them: a processor looks only so far ahead for
// work that does not wait for other work.
FERRY_INLINE void reduced_expm1_all(const vector *r, vector *result, const int count) {
    vector square[FERRY_MAX_STAGED], high[FERRY_MAX_STAGED];
    FERRY_STAGE(i, count) square[i] = r[i] * r[i];
    FERRY_STAGE(i, count) high[i] = multiply_add(r[i], splat(0x1.1224fp-7f), splat(0x1.55513cp-5f));
    FERRY_STAGE(i, count) result[i] = multiply_add(r[i], splat(0x1.5554b6p-3f), splat(0x1.000002p-1f));
    FERRY_STAGE(i, count) high[i] = multiply_add(square[i], splat(0x1.702c54p-10f), high[i]);
    FERRY_STAGE(i, count) result[i] = multiply_add(square[i], high[i], result[i]);
    FERRY_STAGE(i, count) result[i] = multiply_add(square[i], result[i], r[i]);
}

// n + FERRY_ROUNDING_SHIFT, with n the integer nearest to x·log2(e).
FERRY_INLINE vector shifted_exponent(vector x) {
    return multiply_add(x, splat(0x1.715476p0f), splat(FERRY_ROUNDING_SHIFT));
}

FERRY_INLINE vector reduced(vector x, vector shifted) {
    vector n = shifted - splat(FERRY_ROUNDING_SHIFT);
    vector r = multiply_add(n, splat(-FERRY_LN2_HIGH), x);
    return multiply_add(n, splat(-FERRY_LN2_LOW), r);
}

// 2^(n + offset), for results in the normal range.
FERRY_INLINE vector power_of_two(vector shifted, uint32_t offset) {
    return (vector)(((bits)shifted << 23) + ((127u + offset) << 23));
}

// e^x. The scaling is split in two so that overflow gives infinity and underflow is gradual.
FERRY_INLINE vector exponential(vector x) {
    x = clamp(x, -104.0f, 89.0f);
    vector shifted = shifted_exponent(x);
    integers n = (integers)((bits)shifted - (bits)splat(FERRY_ROUNDING_SHIFT));
    integers half = n >> 1;
    vector first = (vector)((bits)(half + 127) << 23);
    vector second = (vector)((bits)(n - half + 127) << 23);
    return multiply_add(reduced_expm1(reduced(x, shifted)), first, first) * second;
}

// e^-|x|. Scaled by 2^64 on the way, so that one multiplication underflows gradually.
FERRY_INLINE vector exponential_of_negative_magnitude(vector x) {
    x = at_least(negative_magnitude(x), -104.0f);
    vector shifted = shifted_exponent(x);
    vector scale = power_of_two(shifted, 64);
    return multiply_add(reduced_expm1(reduced(x, shifted)), scale, scale) * 0x1p-64f;
}

// e^x − 1 for −87 ≤ x ≤ 88. Where x rounds to n = 0 this is relative to x, however small.
FERRY_INLINE vector expm1_in_range(vector x) {
    vector shifted = shifted_exponent(x);
    vector scale = power_of_two(shifted, 0);
    return multiply_add(scale, reduced_expm1(reduced(x, shifted)), scale - 1.0f);
}

// e^x − 1 for x ≤ 0; positive x give 0.
FERRY_INLINE vector expm1_of_negative(vector x) { return expm1_in_range(clamp(x, -30.0f, 0.0f)); }

// log(1 + x) for 0 ≤ x ≤ 1, by 2·artanh(x / (2 + x)).
FERRY_INLINE vector log1p_of_fraction(vector x) {
    vector s = x / (x + 2.0f);
    vector z = s * s;
    vector p = multiply_add(z, splat(0x1.1f085ap-3f), splat(0x1.1eb31ep-3f));
    p = multiply_add(p, z, splat(0x1.99d2a4p-3f));
    p = multiply_add(p, z, splat(0x1.5555p-2f));
    s += s;
    return multiply_add(s * z, p, s);
}
