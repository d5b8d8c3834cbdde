// The columns of a recurrent cell: gates interleaved by blocks of FERRY_WIDTH units. See ferry_recurrent.h.

// Some gates, interleaved, of all units.
typedef struct gate_run {
    size_t first, gates;
} gate_run;

// The runs of a cell; the second may be empty.
typedef struct gate_runs {
    gate_run run[2];
} gate_runs;

static const gate_runs runs_of_cells[FERRY_CELL_COUNT] = {
    [FERRY_CELL_LSTM] = {{{0, 4}}},
    [FERRY_CELL_GRU_RESET_AFTER] = {{{0, 3}}},
    [FERRY_CELL_GRU_RESET_BEFORE] = {{{0, 2}, {2, 1}}},
    [FERRY_CELL_SIMPLE] = {{{0, 1}}},
};

FERRY_INLINE gate_runs runs_of(int32_t cell) { return runs_of_cells[cell]; }

FERRY_INLINE size_t block_count(size_t hidden) { return (hidden + FERRY_WIDTH - 1) / FERRY_WIDTH; }

// Columns of a run, whole panels.
FERRY_INLINE size_t run_columns(gate_run run, size_t hidden) {
    return panel_count(block_count(hidden) * run.gates * FERRY_WIDTH) * FERRY_PANEL;
}

static size_t cell_columns(int32_t cell, size_t hidden) FERRY_REALTIME {
    gate_runs runs = runs_of(cell);
    return run_columns(runs.run[0], hidden) + run_columns(runs.run[1], hidden);
}

// Column vector `index` of a run of packed weights with `k` rows; its rows lie FERRY_PANEL floats apart.
FERRY_INLINE float *column_vector(float *packed, size_t k, size_t index) {
    return packed + index / 2 * k * FERRY_PANEL + index % 2 * FERRY_WIDTH;
}

static void cell_pack(int32_t cell, size_t hidden, size_t k, const float *kernel, size_t row_stride,
                      size_t column_stride, float *packed) {
    gate_runs runs = runs_of(cell);
    for (int i = 0; i < 2; i++) {
        gate_run run = runs.run[i];
        size_t columns = run_columns(run, hidden);
        for (size_t vector = 0; vector * FERRY_WIDTH < columns; vector++) {
            size_t unit = run.gates ? vector / run.gates * FERRY_WIDTH : hidden;
            size_t count = unit < hidden ? smaller(hidden - unit, FERRY_WIDTH) : 0;
            size_t column = (run.first + (run.gates ? vector % run.gates : 0)) * hidden + unit;
            pack_columns(k, count ? column : 0, count, FERRY_WIDTH, kernel, row_stride, column_stride,
                         column_vector(packed, k, vector), FERRY_PANEL);
        }
        packed += columns * k;
    }
}
