// Rows times weights in fewer bits.

// Floats that the rounded rows of a product with int8 weights take.
FERRY_INLINE size_t rounded_floats(size_t rows, size_t depth) { return rows * (pair_count(depth) + 1); }

// A left factor as a product takes it: for INT8 rounded into `space`, else as it is.
typedef struct pair_rows {
    const void *values;
    size_t row_stride;
    const float *scales;
} pair_rows;

static pair_rows pair_rows_of(const ferry_weights *weights, const float *values, size_t stride, size_t rows,
                              float *space) {
    if (weights->format != FERRY_WEIGHTS_INT8) return (pair_rows){values, stride, NULL};
    const size_t pairs = pair_count(weights->depth);
    float *scales = space + rows * pairs;
    for (size_t row = 0; row < rows; row++) {
        scales[row] = quantize_row(values + row * stride, weights->depth, (int16_t *)(space + row * pairs));
    }
    return (pair_rows){space, pairs, scales};
}

// sums [rows, panels·FERRY_PANEL] = start + rows·weights for `panels` panels from `first` on.
static void pair_product(const ferry_weights *weights, pair_rows left, size_t rows, size_t first, size_t panels,
                         int backwards, const float *start, size_t start_stride, float *sums, size_t sums_stride) {
    const size_t pairs = pair_count(weights->depth), element = weights->format == FERRY_WEIGHTS_INT8 ? 1 : 2;
    const size_t wide = rows == 1 ? 4 : 1;
    for (size_t done = 0; done < panels;) {
        const size_t taken = panels - done >= wide ? wide : 1, column_step = FERRY_PANEL;
        const size_t panel = backwards ? panels - done - taken : done, column = panel * column_step;
        for (size_t row = 0, count; row < rows; row += count) {
            count = smaller(rows - row, 6);
            pair_tile tile = {
                .pairs = pairs,
                .depth = weights->depth,
                .values = (const float *)left.values + row * left.row_stride,
                .row_stride = left.row_stride,
                .column_stride = 1,
                .row_scales = left.scales + row,
                .column_scales = weights->scales + first * FERRY_PANEL + column,
                .panel = (const char *)weights->panels + (first + panel) * pairs * FERRY_PANEL * 2 * element,
                .panel_stride = pairs * FERRY_PANEL * 2,
                .start = start ? start + row * start_stride + column : NULL,
                .start_row_stride = start_stride,
                .c = sums + row * sums_stride + column,
                .c_row_stride = sums_stride,
            };
            pair_tile_for(weights->format, count, taken == 4)(&tile);
        }
        done += taken;
    }
}

// C = A·B + bias for packed B of any format and all its columns.
static void product(size_t m, size_t columns, const float *a, size_t a_stride, const ferry_weights *weights, float *c,
                    size_t c_stride, const float *bias, float *space) FERRY_REALTIME {
    if (weights->format == FERRY_WEIGHTS_FLOAT32) {
        gemm(m, columns, weights->depth, a, a_stride, 1, (const float *)weights->panels, c, c_stride, bias, 0);
        return;
    }
    for (size_t row = 0, count; row < m; row += count) {
        count = smaller(m - row, 48);
        pair_rows left = pair_rows_of(weights, a + row * a_stride, a_stride, count, space);
        pair_product(weights, left, count, 0, columns / FERRY_PANEL, 0, bias, 0, c + row * c_stride, c_stride);
    }
}
