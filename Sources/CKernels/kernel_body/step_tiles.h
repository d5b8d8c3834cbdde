// Splits a recurrent step into tiles of a few rows by a few blocks of units.

typedef void (*step_tile)(const void *step, size_t row, size_t unit);

// The tiles of one kind of step, by number of rows (1, 2, 3 and, with registers for it, 6). A wide
// tile takes several blocks, so that there are enough independent sums to hide the latency of a
// multiply-add; a narrow tile takes the blocks that remain.
typedef struct step_tiles {
    size_t single_blocks; // Blocks of a wide tile when the step has one row,
    size_t batch_blocks;  // and when it has more.
    step_tile wide[7], narrow[7];
} step_tiles;

#define FERRY_DEFINE_STEP_TILE(name, step_type, rows, blocks)                       \
    static void name##_tile_##rows##x##blocks(const void *s, size_t row, size_t unit) { \
        name##_tile((const step_type *)s, row, unit, rows, blocks);                 \
    }

#if FERRY_REGISTERS == 32
#define FERRY_SIX_ROWS(tile) [6] = tile
#else
#define FERRY_SIX_ROWS(tile)
#endif

// Never 1 unless the step has a single row, which has its own wide tile.
FERRY_INLINE size_t step_rows(size_t rows_left) {
    if (FERRY_REGISTERS == 32 && rows_left >= 6 && rows_left != 7) return 6;
    if (rows_left == 4) return 2;
    return smaller(rows_left, 3);
}

// Blocks outside, rows inside: a block's weights are fetched once for the whole batch.
static void run_step_tiles(const step_tiles *tiles, const void *step, size_t rows, size_t hidden) {
    size_t wide = rows == 1 ? tiles->single_blocks : tiles->batch_blocks;
    for (size_t unit = 0; unit < hidden;) {
        int is_wide = wide > 1 && unit + (wide - 1) * FERRY_WIDTH < hidden;
        const step_tile *by_rows = is_wide ? tiles->wide : tiles->narrow;
        for (size_t row = 0; row < rows;) {
            size_t taken = step_rows(rows - row);
            by_rows[taken](step, row, unit);
            row += taken;
        }
        unit += (is_wide ? wide : 1) * FERRY_WIDTH;
    }
}
