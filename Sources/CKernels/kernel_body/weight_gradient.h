// Gradients of kernels: Aᵀ·B over all rows of a sequence. Meanings are in ferry_training.h.
//
// Rows are taken in slices. A slice of B becomes panels and a slice of A tiles, so that the product reads both in one
// stream, and the memory for them stays in the caches however long the sequence is.

// Rows of B as panels [panel][rows][FERRY_PANEL], of which a factor uses those from `first` on.
typedef struct packed_slice {
    const float *panels;
    size_t rows, first, columns;
} packed_slice;

// Packs `count` columns of the rows at `x` as tiles [rows][columns of a tile], one after the other.
static void pack_left_tiles(const float *x, size_t stride, size_t rows, size_t count, float *packed) {
    for (size_t done = 0; done < count;) {
        const size_t taken = tile_rows(count - done);
        const float *from = x + done;
        for (size_t row = 0; row < rows; row++, from += stride, packed += taken) {
            for (size_t i = 0; i < taken; i++) packed[i] = from[i];
        }
        done += taken;
    }
}

// The product of packed columns of A with a slice of B: `count` rows of C.
static void multiply_left_tiles(const float *tiles, size_t count, const packed_slice *b, float *c, size_t c_stride,
                                int accumulates) {
    const size_t depth = b->rows - b->first;
    for (size_t panel = 0; panel < panel_count(b->columns); panel++) {
        const float *a = tiles, *panel_rows = b->panels + (panel * b->rows + b->first) * FERRY_PANEL;
        const float *ahead = panel_rows + b->rows * FERRY_PANEL;
        const size_t ahead_step = ahead_share(count);
        for (size_t done = 0, taken; done < count; done += taken, a += taken * depth, ahead += ahead_step * depth) {
            taken = tile_rows(count - done);
            float *to = c + done * c_stride + panel * FERRY_PANEL;
            gemm_tile tile = {
                .depth = depth,
                .a = a,
                .a_row_stride = 1,
                .a_column_stride = taken,
                .panel = panel_rows,
                .c = to,
                .c_row_stride = c_stride,
                .start = accumulates ? to : NULL,
                .start_row_stride = c_stride,
                .ahead = ahead,
                .ahead_step = ahead_step,
            };
            gemm_run_tile(&tile, narrow_tile(taken), taken, 1, b->columns - panel * FERRY_PANEL);
        }
    }
}

// Adds what the rows from `row` on give to the gradient of one factor.
static void add_factor_slice(const ferry_gradient_factor *f, size_t row, packed_slice b, float *tiles) {
    b.first = f->zero_rows > row ? smaller(f->zero_rows - row, b.rows) : 0;
    if (b.first == b.rows) return;
    const int accumulates = row > f->zero_rows;
    for (size_t column = 0; column < f->columns; column += FERRY_GEMM_ROWS) {
        const size_t count = smaller(f->columns - column, FERRY_GEMM_ROWS);
        pack_left_tiles(f->x + (row + b.first) * f->stride + column, f->stride, b.rows - b.first, count, tiles);
        multiply_left_tiles(tiles, count, &b, f->gradient + column * f->gradient_stride, f->gradient_stride,
                            accumulates);
    }
}

static void sum_panel_rows(const packed_slice *b, float *sums, int accumulates) {
    for (size_t column = 0; column < b->columns; column += FERRY_WIDTH) {
        const size_t lanes = smaller(b->columns - column, FERRY_WIDTH);
        const float *from = b->panels + column / FERRY_PANEL * b->rows * FERRY_PANEL + column % FERRY_PANEL;
        vector sum = accumulates ? load_lanes(sums + column, lanes) : splat(0.0f);
        for (size_t row = 0; row < b->rows; row++) sum += load(from + row * FERRY_PANEL);
        store_lanes(sums + column, sum, lanes);
    }
}

static size_t weight_gradient_floats(size_t rows, size_t columns) {
    return smaller(rows, FERRY_GEMM_DEPTH) * (panel_count(columns) * FERRY_PANEL + FERRY_GEMM_ROWS);
}

static void weight_gradient(const ferry_weight_gradient *g) {
    for (size_t row = 0; row < g->rows; row += FERRY_GEMM_DEPTH) {
        const packed_slice b = {g->workspace, smaller(g->rows - row, FERRY_GEMM_DEPTH), 0, g->columns};
        gemm_pack(b.rows, b.columns, g->dy + row * g->dy_stride, g->dy_stride, 1, g->workspace);
        if (g->row_sum) sum_panel_rows(&b, g->row_sum, row > 0);
        for (size_t f = 0; f < g->factor_count; f++) {
            add_factor_slice(&g->factors[f], row, b, g->workspace + panel_count(b.columns) * FERRY_PANEL * b.rows);
        }
    }
}
