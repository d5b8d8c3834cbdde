// Weights in fewer bits: pairs of rows side by side, see ferry_weights.h.

FERRY_INLINE size_t pair_count(size_t depth) { return (depth + 1) / 2; }

static size_t weights_bytes(int32_t format, size_t depth, size_t columns) {
    if (format == FERRY_WEIGHTS_BFLOAT16) return pair_count(depth) * columns * 4;
    if (format == FERRY_WEIGHTS_INT8) return pair_count(depth) * columns * 2;
    return depth * columns * sizeof(float);
}

FERRY_INLINE uint16_t bfloat16_of(float x) {
    uint32_t all;
    memcpy(&all, &x, sizeof all);
    if (x != x) return (uint16_t)(all >> 16 | 0x40);
    return (uint16_t)((all + 0x7fff + (all >> 16 & 1)) >> 16);
}

// The scale of a column of a panel: its largest weight becomes 127.
static float column_scale(const float *column, size_t depth) {
    float largest = 0;
    for (size_t p = 0; p < depth; p++) {
        float size = column[p * FERRY_PANEL] < 0 ? -column[p * FERRY_PANEL] : column[p * FERRY_PANEL];
        if (size > largest) largest = size;
    }
    return largest / 127.0f;
}

// To the nearest integer, ties to even, for |x| < 2^22.
FERRY_INLINE float rounded_to_integer(float x) {
    const float shift = 0x1.8p23f;
    return (x + shift) - shift;
}

FERRY_INLINE int8_t int8_of(float x, float scale) {
    float q = scale > 0 ? rounded_to_integer(x / scale) : 0.0f;
    return (int8_t)(q > 127.0f ? 127.0f : q < -127.0f ? -127.0f : q);
}

// Puts weights packed in float32 into another format; `scales` [columns] for INT8.
static void weights_compress(int32_t format, size_t depth, size_t columns, const float *packed, void *result,
                             float *scales) {
    for (size_t column = 0; column < columns; column++) {
        const size_t panel = column / FERRY_PANEL, lane = column % FERRY_PANEL;
        const float *from = packed + panel * depth * FERRY_PANEL + lane;
        const size_t to = panel * pair_count(depth) * FERRY_PANEL * 2 + lane * 2;
        if (format == FERRY_WEIGHTS_INT8) scales[column] = column_scale(from, depth);
        for (size_t p = 0; p < 2 * pair_count(depth); p++) {
            const size_t at = to + p / 2 * FERRY_PANEL * 2 + p % 2;
            const float weight = p < depth ? from[p * FERRY_PANEL] : 0.0f;
            if (format == FERRY_WEIGHTS_INT8) ((int8_t *)result)[at] = int8_of(weight, scales[column]);
            else ((uint16_t *)result)[at] = bfloat16_of(weight);
        }
    }
}
