// Tiles over weights in fewer bits: a few rows by a few panels, sums in registers, two rows of weights at a time.

typedef struct pair_tile {
    size_t pairs, depth;
    const void *values;      // INT8: [rows, pairs] of two int16; BFLOAT16: floats.
    size_t row_stride, column_stride;
    const float *row_scales; // INT8
    const float *column_scales;
    const void *panel;
    size_t panel_stride;     // Elements from one panel to the next.
    const float *start;
    size_t start_row_stride;
    float *c;
    size_t c_row_stride;
} pair_tile;

// sum + w[2i]·a[0] + w[2i + 1]·a[1] for the W pairs at `w`; `pair` holds both a.
FERRY_INLINE integers add_pairs(integers sum, const int8_t *w, int32_t pair) {
#if FERRY_WIDTH == 16 && defined(__x86_64__)
    __m512i wide = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)w));
    return sum + (integers)_mm512_madd_epi16(wide, _mm512_set1_epi32(pair));
#elif FERRY_WIDTH == 8 && defined(__x86_64__)
    __m256i wide = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)w));
    return sum + (integers)_mm256_madd_epi16(wide, _mm256_set1_epi32(pair));
#else
    const int32_t low = (int16_t)(pair & 0xffff), high = pair >> 16;
    for (int lane = 0; lane < FERRY_WIDTH; lane++) sum[lane] += w[2 * lane] * low + w[2 * lane + 1] * high;
    return sum;
#endif
}

FERRY_INLINE vector tile_start(const pair_tile *t, size_t row, size_t column) {
    return t->start ? load(t->start + row * t->start_row_stride + column) : splat(0.0f);
}

FERRY_INLINE void int8_tile_product(const pair_tile *t, const int rows, const int panels) {
    integers sums[FERRY_MAX_SUMS];
    const int count = 2 * panels;
#pragma clang loop unroll(full)
    for (int i = 0; i < rows * count; i++) sums[i] = (integers)(0);
    for (size_t p = 0; p < t->pairs; p++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < count; i++) {
            const int8_t *w = (const int8_t *)t->panel + (size_t)(i / 2) * t->panel_stride + p * FERRY_PANEL * 2 +
                              (size_t)(i % 2) * FERRY_WIDTH * 2;
#pragma clang loop unroll(full)
            for (int row = 0; row < rows; row++) {
                int32_t pair = ((const int32_t *)t->values)[(size_t)row * t->row_stride + p];
                sums[row * count + i] = add_pairs(sums[row * count + i], w, pair);
            }
        }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < rows * count; i++) {
        const size_t row = (size_t)(i / count), column = (size_t)(i % count) * FERRY_WIDTH;
        vector scale = load(t->column_scales + column) * t->row_scales[row];
        vector sum = multiply_add(__builtin_convertvector(sums[i], vector), scale, tile_start(t, row, column));
        store(t->c + row * t->c_row_stride + column, sum);
    }
}

FERRY_INLINE void bfloat16_tile_product(const pair_tile *t, const int rows, const int panels) {
    vector sums[FERRY_MAX_SUMS];
    const int count = 2 * panels;
#pragma clang loop unroll(full)
    for (int i = 0; i < rows * count; i++) {
        sums[i] = tile_start(t, (size_t)(i / count), (size_t)(i % count) * FERRY_WIDTH);
    }
    for (size_t p = 0; p < t->pairs; p++) {
        const float *a = (const float *)t->values + 2 * p * t->column_stride;
        const int is_whole = 2 * p + 1 < t->depth;
#pragma clang loop unroll(full)
        for (int i = 0; i < count; i++) {
            const uint16_t *w = (const uint16_t *)t->panel + (size_t)(i / 2) * t->panel_stride + p * FERRY_PANEL * 2 +
                                (size_t)(i % 2) * FERRY_WIDTH * 2;
            bits both = (bits)load((const float *)w);
            vector even = (vector)(both << 16), odd = (vector)(both & 0xffff0000u);
#pragma clang loop unroll(full)
            for (int row = 0; row < rows; row++) {
                const float *value = a + (size_t)row * t->row_stride;
                vector sum = multiply_add(splat(*value), even, sums[row * count + i]);
                // Beyond an odd depth there is a weight of zero, but no value.
                sums[row * count + i] = multiply_add(splat(is_whole ? value[t->column_stride] : 0.0f), odd, sum);
            }
        }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < rows * count; i++) {
        store(t->c + (size_t)(i / count) * t->c_row_stride + (size_t)(i % count) * FERRY_WIDTH, sums[i]);
    }
}

typedef void (*pair_tile_kernel)(const pair_tile *) FERRY_REALTIME;

#define FERRY_DEFINE_PAIR_TILE(rows, panels)                                                                         \
    static void int8_tile_##rows##x##panels(const pair_tile *t) FERRY_REALTIME {         \
        int8_tile_product(t, rows, panels);                                       \
    }                                                                                    \
    static void bfloat16_tile_##rows##x##panels(const pair_tile *t) FERRY_REALTIME {     \
        bfloat16_tile_product(t, rows, panels);                                   \
    }
FERRY_DEFINE_PAIR_TILE(1, 1)
FERRY_DEFINE_PAIR_TILE(2, 1)
FERRY_DEFINE_PAIR_TILE(3, 1)
FERRY_DEFINE_PAIR_TILE(4, 1)
FERRY_DEFINE_PAIR_TILE(5, 1)
FERRY_DEFINE_PAIR_TILE(6, 1)
FERRY_DEFINE_PAIR_TILE(1, 4)
#undef FERRY_DEFINE_PAIR_TILE

// For no row, which stands for a single row over four panels, then for one to six rows over one.
static const pair_tile_kernel int8_tiles[7] = {
    int8_tile_1x4, int8_tile_1x1, int8_tile_2x1, int8_tile_3x1, int8_tile_4x1, int8_tile_5x1, int8_tile_6x1};
static const pair_tile_kernel bfloat16_tiles[7] = {
    bfloat16_tile_1x4, bfloat16_tile_1x1, bfloat16_tile_2x1, bfloat16_tile_3x1,
    bfloat16_tile_4x1, bfloat16_tile_5x1, bfloat16_tile_6x1};

static pair_tile_kernel pair_tile_for(int32_t format, size_t rows, int is_wide) {
    const size_t index = is_wide ? 0 : rows;
    return format == FERRY_WEIGHTS_INT8 ? int8_tiles[index] : bfloat16_tiles[index];
}

// How fine rows of so many values may be rounded for their sums with int8 weights to be exact.
FERRY_INLINE float finest_steps(size_t depth) {
    float exact = 2147483000.0f / (127.0f * (float)(depth + 1));
    return exact < 16383.0f ? (float)(int32_t)exact : 16383.0f;
}

// Rounds a row to int16 pairs and gives its scale. The last pair of an odd row ends with 0.
static float quantize_row(const float *row, size_t depth, int16_t *result) {
    float largest = 0;
    for (size_t i = 0; i < depth; i++) {
        float size = row[i] < 0 ? -row[i] : row[i];
        if (size > largest) largest = size;
    }
    const float steps = finest_steps(depth), factor = largest > 0 ? steps / largest : 0.0f;
    for (size_t i = 0; i < depth; i++) result[i] = (int16_t)rounded_to_integer(row[i] * factor);
    if (depth % 2) result[depth] = 0;
    return largest / steps;
}
