// Rows times packed weights, for so few rows that one tile holds them.

// Rows of a left factor: element (i, p) at values[i·row_stride + p·column_stride].
typedef struct row_values {
    const float *values;
    size_t row_stride, column_stride;
} row_values;

// sums [rows, panels·FERRY_PANEL] = start + rows·weights for `panels` panels from `first` and `depth` rows of weights
// from `from` on; `backwards` begins with the last panel. `start` may be NULL for zeros, or `sums` itself; `ahead` as in
// `gemm_tile`.
static void weights_product(const ferry_weights *weights, row_values left, size_t rows, size_t first, size_t panels,
                            int backwards, size_t from, size_t depth, const float *start, size_t start_stride,
                            float *sums, size_t sums_stride, const float *ahead, size_t ahead_step) {
    const gemm_tile tile = {
        .depth = depth,
        .a = left.values + from * left.column_stride,
        .a_row_stride = left.row_stride,
        .a_column_stride = left.column_stride,
        .panel = (const float *)weights->panels + (first * weights->depth + from) * FERRY_PANEL,
        .panel_stride = weights->depth * FERRY_PANEL,
        .c = sums,
        .c_row_stride = sums_stride,
        .start = start,
        .start_row_stride = start_stride,
        .ahead = ahead,
        .ahead_step = ahead_step,
    };
    for (size_t done = 0, taken; done < panels; done += taken) {
        gemm_tile_kernel kernel = next_tile(rows, panels - done, &taken);
        gemm_tile here = tile_at_panel(&tile, backwards ? panels - done - taken : done);
        kernel(&here);
    }
}
