// The blocking around the tile: a slice of k whose panel stays in L1, a block of rows of A that
// stays in L2, then panels, then tiles of rows.

#define FERRY_GEMM_DEPTH 256
#define FERRY_GEMM_ROWS 144

// Runs `kernel` on `panels` panels of which `columns` columns exist.
FERRY_INLINE void gemm_run_tile(const gemm_tile *tile, gemm_tile_kernel kernel, size_t rows,
                                size_t panels, size_t columns) {
    if (columns >= panels * FERRY_PANEL) kernel(tile);
    else gemm_edge_tile(*tile, kernel, rows, columns);
}

// `tile` moved to the column where panel `panel` starts.
FERRY_INLINE gemm_tile tile_at_panel(const gemm_tile *tile, size_t panel) {
    gemm_tile moved = *tile;
    moved.panel += panel * tile->panel_stride;
    moved.c += panel * FERRY_PANEL;
    if (tile->start) moved.start += panel * FERRY_PANEL;
    return moved;
}

// All columns of so few rows that one tile holds them.
static void gemm_few_rows(const gemm_tile *tile, size_t rows, size_t n) {
    const size_t panels = panel_count(n);
    for (size_t panel = 0, taken; panel < panels; panel += taken) {
        gemm_tile_kernel kernel = next_tile(rows, panels - panel, &taken);
        gemm_tile here = tile_at_panel(tile, panel);
        gemm_run_tile(&here, kernel, rows, taken, n - panel * FERRY_PANEL);
    }
}

// Panels outside, rows inside: a panel's slice is read from L1 by every tile of rows.
static void gemm_row_block(const gemm_tile *tile, size_t rows, size_t n) {
    for (size_t panel = 0; panel < panel_count(n); panel++) {
        gemm_tile here = tile_at_panel(tile, panel);
        here.ahead = here.panel + here.panel_stride;
        here.ahead_step = ahead_share(rows);
        for (size_t row = 0; row < rows;) {
            size_t taken = tile_rows(rows - row);
            gemm_run_tile(&here, narrow_tile(taken), taken, 1, n - panel * FERRY_PANEL);
            here.ahead += here.ahead_step * here.depth;
            here.a += taken * tile->a_row_stride;
            here.c += taken * tile->c_row_stride;
            if (here.start) here.start += taken * tile->start_row_stride;
            row += taken;
        }
    }
}

static void gemm(size_t m, size_t n, size_t k, const float *a, size_t a_row_stride,
                 size_t a_column_stride, const float *packed_b, float *c, size_t c_row_stride,
                 const float *bias, int32_t accumulate) FERRY_REALTIME {
    // A single tile of rows reads B once whatever the order, so k need not be sliced.
    const int is_one_tile = m <= FERRY_TILE_ROWS;
    const size_t slice = is_one_tile ? k : FERRY_GEMM_DEPTH;
    if (accumulate && bias) add_row(bias, c, m, n, c_row_stride);
    size_t depth = 0;
    do {
        const int goes_on = accumulate || depth > 0;
        for (size_t row = 0; row < m; row += FERRY_GEMM_ROWS) {
            gemm_tile tile = {
                .depth = smaller(k - depth, slice),
                .a = a + row * a_row_stride + depth * a_column_stride,
                .a_row_stride = a_row_stride,
                .a_column_stride = a_column_stride,
                .panel = packed_b + depth * FERRY_PANEL,
                .panel_stride = k * FERRY_PANEL,
                .c = c + row * c_row_stride,
                .c_row_stride = c_row_stride,
                .start = goes_on ? c + row * c_row_stride : bias,
                .start_row_stride = goes_on ? c_row_stride : 0,
                .ahead = packed_b,
            };
            if (is_one_tile) gemm_few_rows(&tile, m, n);
            else gemm_row_block(&tile, smaller(m - row, FERRY_GEMM_ROWS), n);
        }
        depth += slice;
    } while (depth < k);
}
