// What the recurrent steps share: rows times packed blocks of weights.

// The rows of a vector-matrix product: `row[i][p]` at values[i·stride + p].
typedef struct product_rows {
    const float *values;
    size_t stride;
    size_t depth;
} product_rows;

// sums[row][block][gate] += rows · weights, for `blocks` neighbouring blocks of packed weights.
// The sums are copied so that the compiler can keep them in registers whatever the caller does.
FERRY_INLINE void add_product(vector *sums, product_rows left, const float *weights,
                              const int rows, const int blocks, const int gates) {
    vector totals[FERRY_MAX_SUMS];
    const size_t block_stride = left.depth * (size_t)gates * FERRY_WIDTH;
#pragma clang loop unroll(full)
    for (int i = 0; i < rows * blocks * gates; i++) totals[i] = sums[i];
    for (size_t p = 0; p < left.depth; p++, weights += gates * FERRY_WIDTH) {
        add_outer_product(totals, left.values + p, left.stride, weights, block_stride, rows, blocks, gates);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < rows * blocks * gates; i++) sums[i] = totals[i];
}

// Lanes of the block at `unit` that are real units.
FERRY_INLINE size_t lanes_at(size_t unit, size_t hidden) {
    return unit < hidden ? smaller(hidden - unit, FERRY_WIDTH) : 0;
}

FERRY_INLINE vector clipped(vector x, float bound) {
    return bound > 0.0f ? clamp(x, -bound, bound) : x;
}
