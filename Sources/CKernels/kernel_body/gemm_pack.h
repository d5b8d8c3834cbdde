// B [k, n] as column panels [panel][k][FERRY_PANEL], so that a tile reads it in one stream.

#define FERRY_PANEL (2 * FERRY_WIDTH)

FERRY_INLINE size_t panel_count(size_t columns) { return (columns + FERRY_PANEL - 1) / FERRY_PANEL; }

static size_t gemm_packed_floats(size_t k, size_t n) { return panel_count(n) * FERRY_PANEL * k; }

// Copies columns [first, first + count) of a matrix with `rows` rows into `width` wide rows that
// lie `packed_stride` floats apart, zeros behind the columns.
static void pack_columns(size_t rows, size_t first, size_t count, size_t width,
                         const float *source, size_t row_stride, size_t column_stride,
                         float *packed, size_t packed_stride) {
    for (size_t row = 0; row < rows; row++) {
        const float *from = source + row * row_stride + first * column_stride;
        float *to = packed + row * packed_stride;
        size_t column = 0;
        if (column_stride == 1) {
            memcpy(to, from, count * sizeof(float));
            column = count;
        }
        for (; column < count; column++) to[column] = from[column * column_stride];
        for (; column < width; column++) to[column] = 0.0f;
    }
}

static void gemm_pack(size_t k, size_t n, const float *b, size_t row_stride, size_t column_stride,
                      float *packed) {
    for (size_t first = 0; first < n; first += FERRY_PANEL) {
        size_t count = smaller(n - first, FERRY_PANEL);
        pack_columns(k, first, count, FERRY_PANEL, b, row_stride, column_stride,
                     packed + first * k, FERRY_PANEL);
    }
}
