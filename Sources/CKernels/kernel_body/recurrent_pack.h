// Gate-interleaved weights: [block of FERRY_WIDTH units][k][gate][FERRY_WIDTH].

FERRY_INLINE size_t block_count(size_t hidden) { return (hidden + FERRY_WIDTH - 1) / FERRY_WIDTH; }

static size_t recurrent_packed_floats(size_t gates, size_t hidden, size_t k) {
    return block_count(hidden) * FERRY_WIDTH * gates * k;
}

static void recurrent_pack(size_t gates, size_t hidden, size_t k, const float *kernel,
                           size_t row_stride, size_t column_stride, float *packed) {
    for (size_t unit = 0; unit < hidden; unit += FERRY_WIDTH) {
        size_t count = smaller(hidden - unit, FERRY_WIDTH);
        float *block = packed + unit * gates * k;
        for (size_t gate = 0; gate < gates; gate++) {
            pack_columns(k, gate * hidden + unit, count, FERRY_WIDTH, kernel, row_stride,
                         column_stride, block + gate * FERRY_WIDTH, gates * FERRY_WIDTH);
        }
    }
}

static size_t gru_packed_floats(size_t hidden, size_t k, int32_t reset_after) {
    (void)reset_after; // Both layouts hold three gates.
    return recurrent_packed_floats(3, hidden, k);
}

static void gru_pack(size_t hidden, size_t k, int32_t reset_after, const float *kernel,
                     size_t row_stride, size_t column_stride, float *packed) {
    if (reset_after) {
        recurrent_pack(3, hidden, k, kernel, row_stride, column_stride, packed);
        return;
    }
    recurrent_pack(2, hidden, k, kernel, row_stride, column_stride, packed);
    recurrent_pack(1, hidden, k, kernel + 2 * hidden * column_stride, row_stride, column_stride,
                   packed + recurrent_packed_floats(2, hidden, k));
}
