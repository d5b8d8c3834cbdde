// Loads and stores of fewer lanes than a vector has, touching nothing beyond them.
//
// The masked loads are worth their intrinsics: a hidden size that is no multiple of the width has
// such a load for every gate of every step. AVX2's masked store is slow on AMD and not used.

#if FERRY_WIDTH == 16 && defined(__x86_64__)

FERRY_INLINE vector load_some(const float *p, size_t lanes) {
    return (vector)_mm512_maskz_loadu_ps((__mmask16)((1u << lanes) - 1), p);
}

FERRY_INLINE void store_some(float *p, vector x, size_t lanes) {
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << lanes) - 1), (__m512)x);
}

#else

#if FERRY_WIDTH == 8 && defined(__x86_64__)

static const int32_t ones_then_zeros[16] = {-1, -1, -1, -1, -1, -1, -1, -1};

FERRY_INLINE vector load_some(const float *p, size_t lanes) {
    __m256i mask = _mm256_loadu_si256((const __m256i *)(ones_then_zeros + 8 - lanes));
    return (vector)_mm256_maskload_ps(p, mask);
}

#else

static __attribute__((noinline)) void copy_lanes(float *to, const float *from, size_t lanes) {
    for (size_t lane = 0; lane < lanes; lane++) to[lane] = from[lane];
}

FERRY_INLINE vector load_some(const float *p, size_t lanes) {
    float padded[FERRY_WIDTH] = {0};
    copy_lanes(padded, p, lanes);
    return load(padded);
}

#endif

// In halves, quarters and so on of a vector, as the bits of `lanes` say.
FERRY_INLINE void store_some(float *p, vector x, size_t lanes) {
    float all[FERRY_WIDTH];
    store(all, x);
    size_t done = 0;
#pragma clang loop unroll(full)
    for (size_t part = FERRY_WIDTH / 2; part > 0; part /= 2) {
        if (!(lanes & part)) continue;
        memcpy(p + done, all + done, part * sizeof(float));
        done += part;
    }
}

#endif

// Loads the first `lanes` floats, zeros behind them.
FERRY_INLINE vector load_lanes(const float *p, size_t lanes) {
    return lanes == FERRY_WIDTH ? load(p) : load_some(p, lanes);
}

FERRY_INLINE void store_lanes(float *p, vector x, size_t lanes) {
    if (lanes == FERRY_WIDTH) store(p, x);
    else store_some(p, x, lanes);
}
