// The inner tile of the matrix product: a few rows of A by a few panels of B, sums in registers.

// The most rows a tile may have: with two vectors a row the sums leave a few registers free.
#define FERRY_TILE_ROWS (FERRY_REGISTERS == 32 ? 12 : 6)

// The most columns a tile may have.
#define FERRY_TILE_COLUMNS (4 * FERRY_PANEL)

typedef struct gemm_tile {
    size_t depth;
    const float *a;
    size_t a_row_stride, a_column_stride;
    const float *panel;   // First panel, at the first row of B to use.
    size_t panel_stride;  // Floats from one panel to the next.
    float *c;
    size_t c_row_stride;
    const float *start;   // What the sums start from, NULL for zeros; may be `c`.
    size_t start_row_stride; // 0 shares one row.
    const float *ahead;   // What will be read soon and should come nearer, so many floats for each row of B.
    size_t ahead_step;    // 0 asks for nothing more.
} gemm_tile;

static const float no_start[FERRY_TILE_COLUMNS];

// One sum per element and no reordering: whatever tile an element falls into, its bits are the same.
FERRY_INLINE void gemm_tile_product(const gemm_tile *t, const int rows, const int panels,
                                    const size_t a_row_stride, const size_t a_column_stride) {
    vector sums[FERRY_MAX_SUMS];
    const int count = 2 * panels;
    const float *start = t->start ? t->start : no_start;
    const size_t start_stride = t->start ? t->start_row_stride : 0;
#pragma clang loop unroll(full)
    for (int i = 0; i < rows * count; i++) {
        sums[i] = load(start + (size_t)(i / count) * start_stride + i % count * FERRY_WIDTH);
    }
    const float *a = t->a, *b = t->panel, *ahead = t->ahead;
    const size_t ahead_step = t->ahead_step;
    for (size_t p = 0; p < t->depth; p++, a += a_column_stride, b += FERRY_PANEL, ahead += ahead_step) {
        if (rows > 3) __builtin_prefetch(ahead, 0, 2); // With fewer rows nothing but the weights is waited for anyway.
        add_outer_product(sums, a, a_row_stride, b, t->panel_stride, rows, panels, 2);
    }
    float *c = t->c;
    const size_t c_stride = t->c_row_stride;
#pragma clang loop unroll(full)
    for (int i = 0; i < rows * count; i++) {
        store(c + (size_t)(i / count) * c_stride + i % count * FERRY_WIDTH, sums[i]);
    }
}

#define FERRY_DEFINE_TILE(rows, panels)                                     \
    static void gemm_tile_##rows##x##panels(const gemm_tile *t) FERRY_REALTIME {                 \
        const size_t row_stride = t->a_row_stride, column_stride = t->a_column_stride;           \
        if (column_stride == 1) gemm_tile_product(t, rows, panels, row_stride, 1);               \
        else if (row_stride == 1 && column_stride == rows) gemm_tile_product(t, rows, panels, 1, rows); \
        else gemm_tile_product(t, rows, panels, row_stride, column_stride);                      \
    }
FERRY_DEFINE_TILE(1, 1)
FERRY_DEFINE_TILE(2, 1)
FERRY_DEFINE_TILE(3, 1)
FERRY_DEFINE_TILE(4, 1)
FERRY_DEFINE_TILE(5, 1)
FERRY_DEFINE_TILE(6, 1)
FERRY_DEFINE_TILE(1, 2)
FERRY_DEFINE_TILE(1, 4)
FERRY_DEFINE_TILE(2, 2)
FERRY_DEFINE_TILE(3, 2)
#if FERRY_REGISTERS == 32
FERRY_DEFINE_TILE(7, 1)
FERRY_DEFINE_TILE(8, 1)
FERRY_DEFINE_TILE(9, 1)
FERRY_DEFINE_TILE(10, 1)
FERRY_DEFINE_TILE(11, 1)
FERRY_DEFINE_TILE(12, 1)
#endif
#undef FERRY_DEFINE_TILE

typedef void (*gemm_tile_kernel)(const gemm_tile *) FERRY_REALTIME;

// The last rows beyond a whole tile are halved with it: six and two would leave a tile too small to run at speed.
FERRY_INLINE size_t tile_rows(size_t rows_left) {
    if (rows_left <= FERRY_TILE_ROWS) return rows_left;
    return rows_left < 2 * FERRY_TILE_ROWS ? (rows_left + 1) / 2 : FERRY_TILE_ROWS;
}

// The tiles of so many rows share the work of asking for the next panel: floats of it for each row of B.
FERRY_INLINE size_t ahead_share(size_t rows) {
    const size_t tiles = (rows + FERRY_TILE_ROWS - 1) / FERRY_TILE_ROWS;
    return (FERRY_PANEL + tiles - 1) / tiles;
}

static const gemm_tile_kernel narrow_tiles[13] = {
    [1] = gemm_tile_1x1, [2] = gemm_tile_2x1, [3] = gemm_tile_3x1,
    [4] = gemm_tile_4x1, [5] = gemm_tile_5x1, [6] = gemm_tile_6x1,
#if FERRY_REGISTERS == 32
    [7] = gemm_tile_7x1, [8] = gemm_tile_8x1, [9] = gemm_tile_9x1,
    [10] = gemm_tile_10x1, [11] = gemm_tile_11x1, [12] = gemm_tile_12x1,
#endif
};

static gemm_tile_kernel narrow_tile(size_t rows) { return narrow_tiles[rows]; }

// The tile for `rows` rows and as many of the panels that are left as it takes. With few rows one panel gives too few
// independent sums to hide the latency of an addition.
static gemm_tile_kernel next_tile(size_t rows, size_t panels_left, size_t *taken) {
    *taken = rows == 1 && panels_left >= 4 ? 4 : rows <= 3 && panels_left >= 2 ? 2 : 1;
    if (*taken == 4) return gemm_tile_1x4;
    if (*taken == 2) return rows == 1 ? gemm_tile_1x2 : rows == 2 ? gemm_tile_2x2 : gemm_tile_3x2;
    return narrow_tile(rows);
}

// Runs a tile of which only the first `columns` columns exist, on copies padded to full width.
static void gemm_edge_tile(gemm_tile tile, gemm_tile_kernel kernel, size_t rows, size_t columns) {
    float c[FERRY_TILE_ROWS * FERRY_TILE_COLUMNS];
    const size_t bytes = columns * sizeof(float);
    for (size_t row = 0; row < rows && tile.start; row++) {
        float *padded = c + row * FERRY_TILE_COLUMNS;
        memset(padded, 0, FERRY_TILE_COLUMNS * sizeof(float));
        memcpy(padded, tile.start + row * tile.start_row_stride, bytes);
    }
    gemm_tile padded = tile;
    padded.c = c;
    padded.c_row_stride = FERRY_TILE_COLUMNS;
    padded.start = tile.start ? c : NULL;
    padded.start_row_stride = FERRY_TILE_COLUMNS;
    kernel(&padded);
    for (size_t row = 0; row < rows; row++) {
        memcpy(tile.c + row * tile.c_row_stride, c + row * FERRY_TILE_COLUMNS, bytes);
    }
}
