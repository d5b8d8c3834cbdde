// A recurrent step: groups of panels outside; for each, slices of k, then panels, then tiles of rows, so that a slice
// of a panel stays in the first-level cache; then the gates' equations on the group's sums, which are still there, too.

// Floats of sums in a group: half of a small first-level cache. Many at once, so that one block's equations need not
// wait for another's.
#define FERRY_GROUP_FLOATS 4096

// Finished sums, [rows, panels·FERRY_PANEL] from the block of units at `unit` on.
typedef struct step_tile {
    size_t rows, unit, blocks;
    float *sums; // Finishing may overwrite them.
    size_t sums_stride;
    const float *x; // x·W + b in the same columns; used where it is not in the sums.
    size_t x_stride;
} step_tile;

// One pass over all units.
typedef struct step_pass {
    gate_run run;
    size_t first_column;   // Of the run, among the cell's.
    int starts_from_input; // Whether sums start from x·W + b, or from the recurrent bias while x·W + b stays aside.
    void (*finish)(const ferry_step *s, const step_tile *tile) FERRY_REALTIME;
} step_pass;

// Where a step's numbers lie in its scratch memory.
typedef struct step_space {
    float *packed; // Rows of the state in the order of reading; NULL where they are read as they are.
    float *sums, *x_sums;
    float *reset; // GRU with reset before the product: r⊙h_prev.
    float *rounded, *rounded_input; // For weights of int8.
} step_space;

// Long rows that are read for every group of panels are worth a copy in the order of reading.
FERRY_INLINE int packs_rows(const ferry_step *s, size_t rows) {
    return rows > FERRY_TILE_ROWS && s->hidden >= 256 && s->weights.format == FERRY_WEIGHTS_FLOAT32;
}

// The fewest panels that hold whole blocks.
FERRY_INLINE size_t whole_panels(size_t gates) { return gates == 4 ? 2 : gates == 3 ? 3 : 1; }

FERRY_INLINE size_t group_panels(size_t gates, size_t rows) {
    size_t whole = whole_panels(gates), fitting = FERRY_GROUP_FLOATS / (rows * whole * FERRY_PANEL);
    return whole * (fitting ? fitting : 1);
}

FERRY_INLINE size_t lay_out_scratch(const ferry_step *s, size_t rows, float *scratch, step_space *space) {
    const int32_t cell = s->cell, is_rounded = s->weights.format == FERRY_WEIGHTS_INT8;
    const size_t hidden = s->hidden;
    const size_t sums = FERRY_GROUP_FLOATS + 3 * rows * FERRY_PANEL;
    space->sums = scratch;
    space->x_sums = space->sums + sums;
    space->reset = space->x_sums + (cell == FERRY_CELL_LSTM || cell == FERRY_CELL_SIMPLE ? 0 : sums);
    space->packed = space->reset + (cell == FERRY_CELL_GRU_RESET_BEFORE ? rows * hidden : 0);
    space->rounded = space->packed + (packs_rows(s, rows) ? rows * hidden : 0);
    space->rounded_input = space->rounded + (is_rounded ? rounded_floats(rows, hidden) : 0);
    float *end = space->rounded_input + (is_rounded ? rounded_floats(rows, s->input_weights.depth) : 0);
    if (!packs_rows(s, rows)) space->packed = NULL;
    return (size_t)(end - scratch);
}

static size_t cell_scratch_floats(const ferry_step *step, size_t rows) FERRY_REALTIME {
    float origin[1];
    step_space space;
    return lay_out_scratch(step, rows, origin, &space);
}

FERRY_INLINE size_t lanes_at(size_t unit, size_t hidden) { return smaller(hidden - unit, FERRY_WIDTH); }

FERRY_INLINE vector clipped(vector x, float bound) { return bound > 0.0f ? clamp(x, -bound, bound) : x; }

// Tiles of rows side by side, [tile][k][row]: one stream for the products.
static void pack_rows(const float *values, size_t stride, size_t rows, size_t depth, float *packed) {
    for (size_t row = 0; row < rows;) {
        size_t taken = tile_rows(rows - row);
        for (size_t i = 0; i < taken; i++) {
            const float *from = values + (row + i) * stride;
            for (size_t p = 0; p < depth; p++) packed[p * taken + i] = from[p];
        }
        packed += taken * depth;
        row += taken;
    }
}

// The left factor of a step: rows as they are, or packed by `pack_rows`; and for weights in fewer bits as they want it.
typedef struct step_rows {
    const float *values;
    size_t stride; // 0 where packed.
    pair_rows pairs;
} step_rows;

static step_rows step_rows_of(const ferry_weights *weights, const float *values, size_t stride, size_t rows,
                              float *rounded) {
    return (step_rows){values, stride, pair_rows_of(weights, values, stride, rows, rounded)};
}

FERRY_INLINE row_values rows_at(step_rows left, size_t depth, size_t row, size_t rows) {
    if (left.stride) return (row_values){left.values + row * left.stride, left.stride, 1};
    return (row_values){left.values + row * depth, 1, rows};
}

// Where the panel lies that is read after `panel` of a group: the next one in the same rows of weights, the first one
// in the next rows, or the next group's.
FERRY_INLINE const float *panel_after(const ferry_weights *weights, size_t first, size_t panels, size_t panel,
                                      size_t from, size_t slice) {
    const float *all = weights->panels;
    const size_t depth = weights->depth;
    if (panel + 1 < panels) return all + ((first + panel + 1) * depth + from) * FERRY_PANEL;
    if (from + slice < depth) return all + (first * depth + from + slice) * FERRY_PANEL;
    return all + (first + panels) * depth * FERRY_PANEL;
}

// sums = start + left·weights for a group of panels and all rows. `start_stride` 0 shares one row.
static void group_product(const ferry_weights *weights, step_rows left, size_t rows, size_t first, size_t panels,
                          int backwards, const float *start, size_t start_stride, float *sums) {
    const size_t stride = panels * FERRY_PANEL, depth = weights->depth, ahead_step = ahead_share(rows);
    if (weights->format != FERRY_WEIGHTS_FLOAT32) {
        pair_product(weights, left.pairs, rows, first, panels, backwards, start, start_stride, sums, stride);
        return;
    }
    if (rows <= FERRY_TILE_ROWS) {
        weights_product(weights, rows_at(left, depth, 0, rows), rows, first, panels, backwards, 0, depth, start,
                        start_stride, sums, stride, weights->panels, 0);
        return;
    }
    for (size_t from = 0; from < depth; from += FERRY_GEMM_DEPTH) {
        const size_t slice = smaller(FERRY_GEMM_DEPTH, depth - from);
        for (size_t panel = 0; panel < panels; panel++) {
            const size_t column = panel * FERRY_PANEL;
            const float *ahead = panel_after(weights, first, panels, panel, from, slice);
            for (size_t row = 0, taken; row < rows; row += taken, ahead += slice * ahead_step) {
                taken = tile_rows(rows - row);
                float *to = sums + row * stride + column;
                const float *begin = from ? to : start ? start + row * start_stride + column : NULL;
                weights_product(weights, rows_at(left, depth, row, taken), taken, first + panel, 1, 0, from, slice,
                                begin, from ? stride : start_stride, to, stride, ahead, ahead_step);
            }
        }
    }
}

static void run_step_group(const ferry_step *s, const step_pass *pass, const step_space *space, step_rows state,
                           step_rows input, size_t panel, size_t panels) {
    const size_t column = pass->first_column + panel * FERRY_PANEL, first = column / FERRY_PANEL;
    const size_t unit = 2 * panel / pass->run.gates * FERRY_WIDTH, stride = panels * FERRY_PANEL;
    step_tile tile = {
        .unit = unit,
        .blocks = smaller(2 * panels / pass->run.gates, block_count(s->hidden - unit)),
        .sums_stride = stride,
        .x = s->x_projection + column,
        .x_stride = s->x_projection_stride,
    };
    if (s->input_weights.depth) {
        float *target = pass->starts_from_input ? space->sums : space->x_sums;
        group_product(&s->input_weights, input, s->rows, first, panels, s->backwards, tile.x,
                      tile.x_stride, target);
        tile.x = target;
        tile.x_stride = stride;
    }
    const float *bias = s->recurrent_bias ? s->recurrent_bias + column : NULL;
    group_product(&s->weights, state, s->rows, first, panels, s->backwards, pass->starts_from_input ? tile.x : bias,
                  pass->starts_from_input ? tile.x_stride : 0, space->sums);
    tile.rows = s->rows;
    tile.sums = space->sums;
    pass->finish(s, &tile);
}

// `state` [rows, hidden] is what the recurrent weights are multiplied with.
static void run_step_pass(const ferry_step *s, const step_pass *pass, const step_space *space, const float *state,
                          size_t state_stride) {
    const size_t all = run_columns(pass->run, s->hidden) / FERRY_PANEL, whole = whole_panels(pass->run.gates);
    const size_t wholes = (all + whole - 1) / whole, parts = s->parts ? s->parts : 1;
    const size_t first = wholes * s->part / parts * whole, end = smaller(wholes * (s->part + 1) / parts * whole, all);
    const size_t width = group_panels(pass->run.gates, s->rows), groups = (end - first + width - 1) / width;
    const step_rows input =
        step_rows_of(&s->input_weights, s->input, s->input_stride, s->rows, space->rounded_input);
    step_rows left = step_rows_of(&s->weights, state, state_stride, s->rows, space->rounded);
    if (space->packed) {
        pack_rows(state, state_stride, s->rows, s->hidden, space->packed);
        left = (step_rows){.values = space->packed};
    }
    for (size_t i = 0; i < groups; i++) {
        size_t panel = first + (s->backwards ? groups - 1 - i : i) * width;
        run_step_group(s, pass, space, left, input, panel, smaller(width, end - panel));
    }
}

static step_space space_of(const ferry_step *s) {
    step_space space;
    lay_out_scratch(s, s->rows, s->scratch, &space);
    return space;
}
