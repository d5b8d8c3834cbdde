// The heart of every matrix kernel: a few values times a few vectors of weights, all sums in registers.

// Sums of one tile: enough to fill the registers of the widest instruction set.
#define FERRY_MAX_SUMS 24

// totals[row][weight] += values[row]·weights, for one row of weights. Whichever side has fewer
// vectors stays in registers while the other streams: sixteen registers leave room for one side.
FERRY_INLINE void add_outer_product(vector *totals, const float *values, size_t stride,
                                    const float *weights, size_t block_stride, const int rows,
                                    const int blocks, const int gates) {
    vector held[FERRY_MAX_SUMS];
    const int count = blocks * gates;
    if (rows <= count) {
#pragma clang loop unroll(full)
        for (int row = 0; row < rows; row++) held[row] = splat(values[(size_t)row * stride]);
#pragma clang loop unroll(full)
        for (int i = 0; i < count; i++) {
            vector weight = load(weights + (size_t)(i / gates) * block_stride + i % gates * FERRY_WIDTH);
#pragma clang loop unroll(full)
            for (int row = 0; row < rows; row++) {
                totals[row * count + i] = multiply_add(held[row], weight, totals[row * count + i]);
            }
        }
        return;
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < count; i++) {
        held[i] = load(weights + (size_t)(i / gates) * block_stride + i % gates * FERRY_WIDTH);
    }
#pragma clang loop unroll(full)
    for (int row = 0; row < rows; row++) {
        vector value = splat(values[(size_t)row * stride]);
#pragma clang loop unroll(full)
        for (int i = 0; i < count; i++) {
            totals[row * count + i] = multiply_add(value, held[i], totals[row * count + i]);
        }
    }
}
