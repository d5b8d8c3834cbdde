// Vectors of FERRY_WIDTH floats in the compiler's own terms, so that one source serves every
// instruction set. Everything is forced inline: a vector passed to a real call would go through
// memory, because the file as a whole is compiled for the baseline CPU.

#define FERRY_INLINE static inline __attribute__((always_inline))

typedef float vector __attribute__((ext_vector_type(FERRY_WIDTH)));
typedef uint32_t bits __attribute__((ext_vector_type(FERRY_WIDTH)));
typedef int32_t integers __attribute__((ext_vector_type(FERRY_WIDTH)));
typedef vector unaligned_vector __attribute__((aligned(4), may_alias));

FERRY_INLINE vector load(const float *p) { return *(const unaligned_vector *)p; }

FERRY_INLINE void store(float *p, vector x) { *(unaligned_vector *)p = x; }

FERRY_INLINE vector splat(float x) { return (vector)x; }

// a·b + c, in one rounding where the instruction set has it.
FERRY_INLINE vector multiply_add(vector a, vector b, vector c) {
#if FERRY_FUSED
    return __builtin_elementwise_fma(a, b, c);
#else
    return a * b + c;
#endif
}

// The comparisons below are ordered so that NaN passes through.
FERRY_INLINE vector at_least(vector x, float low) { return x < splat(low) ? splat(low) : x; }

FERRY_INLINE vector at_most(vector x, float high) { return x > splat(high) ? splat(high) : x; }

FERRY_INLINE vector clamp(vector x, float low, float high) { return at_most(at_least(x, low), high); }

FERRY_INLINE vector magnitude(vector x) { return (vector)((bits)x & 0x7fffffffu); }

FERRY_INLINE vector negative_magnitude(vector x) { return (vector)((bits)x | 0x80000000u); }

FERRY_INLINE vector with_sign_of(vector magnitude, vector x) {
    return (vector)((bits)magnitude | ((bits)x & 0x80000000u));
}

FERRY_INLINE size_t smaller(size_t a, size_t b) { return a < b ? a : b; }
