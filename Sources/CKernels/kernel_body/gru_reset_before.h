// GRU step where the reset gate scales the state before the product. The candidate needs r⊙h_prev
// of every unit, hence two passes: z and r first, then the candidate. Between them z waits in `h`.

FERRY_INLINE vector gru_projection(const ferry_gru_step *s, size_t row, size_t gate, size_t unit, size_t lanes) {
    const float *x = s->x_projection + row * s->x_projection_stride + gate * s->hidden + unit;
    return load_lanes(x, lanes) + gru_recurrent_bias(s, gate, unit, lanes);
}

FERRY_INLINE void gru_gates_finish(const ferry_gru_step *s, size_t row, size_t unit, size_t lanes,
                                   const vector *gate) {
    vector h_prev = load_lanes(s->h_prev + row * s->h_prev_stride + unit, lanes);
    vector z = activated(clipped(gate[0], s->clip), &s->recurrent_activation);
    vector r = activated(clipped(gate[1], s->clip), &s->recurrent_activation);
    store_lanes(s->h + row * s->h_stride + unit, z, lanes);
    store_lanes(s->scratch + row * s->hidden + unit, r * h_prev, lanes);
    if (s->gates) {
        float *kept = s->gates + row * s->gates_stride + unit;
        store_lanes(kept, z, lanes);
        store_lanes(kept + s->hidden, r, lanes);
    }
}

FERRY_INLINE void gru_gates_tile(const ferry_gru_step *s, size_t row, size_t unit, const int rows,
                                 const int blocks) {
    vector sums[FERRY_MAX_SUMS];
    for (int i = 0; i < rows * blocks; i++) {
        size_t at = unit + (size_t)(i % blocks) * FERRY_WIDTH, lanes = lanes_at(at, s->hidden);
        sums[2 * i] = gru_projection(s, row + (size_t)(i / blocks), 0, at, lanes);
        sums[2 * i + 1] = gru_projection(s, row + (size_t)(i / blocks), 1, at, lanes);
    }
    if (s->inputs) {
        product_rows x = {s->input + row * s->input_stride, s->input_stride, s->inputs};
        add_product(sums, x, s->packed_input + unit * 2 * s->inputs, rows, blocks, 2);
    }
    product_rows h = {s->h_prev + row * s->h_prev_stride, s->h_prev_stride, s->hidden};
    add_product(sums, h, s->packed_recurrent + unit * 2 * s->hidden, rows, blocks, 2);
    for (int i = 0; i < rows * blocks; i++) {
        size_t at = unit + (size_t)(i % blocks) * FERRY_WIDTH;
        gru_gates_finish(s, row + (size_t)(i / blocks), at, lanes_at(at, s->hidden), sums + 2 * i);
    }
}

FERRY_INLINE void gru_candidate_finish(const ferry_gru_step *s, size_t row, size_t unit, size_t lanes,
                                       vector sum) {
    float *h = s->h + row * s->h_stride + unit;
    vector h_prev = load_lanes(s->h_prev + row * s->h_prev_stride + unit, lanes);
    vector z = load_lanes(h, lanes);
    vector n = activated(clipped(sum, s->clip), &s->activation);
    if (s->gates) store_lanes(s->gates + row * s->gates_stride + 2 * s->hidden + unit, n, lanes);
    store_lanes(h, multiply_add(z, h_prev, (1.0f - z) * n), lanes);
}

FERRY_INLINE void gru_candidate_tile(const ferry_gru_step *s, size_t row, size_t unit,
                                     const int rows, const int blocks) {
    vector sums[FERRY_MAX_SUMS];
    for (int i = 0; i < rows * blocks; i++) {
        size_t at = unit + (size_t)(i % blocks) * FERRY_WIDTH;
        sums[i] = gru_projection(s, row + (size_t)(i / blocks), 2, at, lanes_at(at, s->hidden));
    }
    if (s->inputs) {
        const float *weights = s->packed_input + recurrent_packed_floats(2, s->hidden, s->inputs);
        product_rows x = {s->input + row * s->input_stride, s->input_stride, s->inputs};
        add_product(sums, x, weights + unit * s->inputs, rows, blocks, 1);
    }
    const float *weights = s->packed_recurrent + recurrent_packed_floats(2, s->hidden, s->hidden);
    product_rows reset = {s->scratch + row * s->hidden, s->hidden, s->hidden};
    add_product(sums, reset, weights + unit * s->hidden, rows, blocks, 1);
    for (int i = 0; i < rows * blocks; i++) {
        size_t at = unit + (size_t)(i % blocks) * FERRY_WIDTH;
        gru_candidate_finish(s, row + (size_t)(i / blocks), at, lanes_at(at, s->hidden), sums[i]);
    }
}

FERRY_DEFINE_STEP_TILE(gru_gates, ferry_gru_step, 1, 1)
FERRY_DEFINE_STEP_TILE(gru_gates, ferry_gru_step, 2, 1)
FERRY_DEFINE_STEP_TILE(gru_gates, ferry_gru_step, 3, 1)
FERRY_DEFINE_STEP_TILE(gru_gates, ferry_gru_step, 1, 2)
FERRY_DEFINE_STEP_TILE(gru_gates, ferry_gru_step, 2, 2)
FERRY_DEFINE_STEP_TILE(gru_gates, ferry_gru_step, 3, 2)
FERRY_DEFINE_STEP_TILE(gru_candidate, ferry_gru_step, 1, 1)
FERRY_DEFINE_STEP_TILE(gru_candidate, ferry_gru_step, 2, 1)
FERRY_DEFINE_STEP_TILE(gru_candidate, ferry_gru_step, 3, 1)
FERRY_DEFINE_STEP_TILE(gru_candidate, ferry_gru_step, 1, 4)
FERRY_DEFINE_STEP_TILE(gru_candidate, ferry_gru_step, 2, 4)
FERRY_DEFINE_STEP_TILE(gru_candidate, ferry_gru_step, 3, 4)
#if FERRY_REGISTERS == 32
FERRY_DEFINE_STEP_TILE(gru_gates, ferry_gru_step, 6, 1)
FERRY_DEFINE_STEP_TILE(gru_gates, ferry_gru_step, 6, 2)
FERRY_DEFINE_STEP_TILE(gru_candidate, ferry_gru_step, 6, 1)
FERRY_DEFINE_STEP_TILE(gru_candidate, ferry_gru_step, 6, 4)
#endif

static void gru_before_step(const ferry_gru_step *s) {
    static const step_tiles gates = {
        .single_blocks = 2,
        .batch_blocks = 2,
        .wide = {[1] = gru_gates_tile_1x2, [2] = gru_gates_tile_2x2, [3] = gru_gates_tile_3x2,
                 FERRY_SIX_ROWS(gru_gates_tile_6x2)},
        .narrow = {[1] = gru_gates_tile_1x1, [2] = gru_gates_tile_2x1, [3] = gru_gates_tile_3x1,
                   FERRY_SIX_ROWS(gru_gates_tile_6x1)},
    };
    static const step_tiles candidate = {
        .single_blocks = 4,
        .batch_blocks = 4,
        .wide = {[1] = gru_candidate_tile_1x4, [2] = gru_candidate_tile_2x4,
                 [3] = gru_candidate_tile_3x4, FERRY_SIX_ROWS(gru_candidate_tile_6x4)},
        .narrow = {[1] = gru_candidate_tile_1x1, [2] = gru_candidate_tile_2x1,
                   [3] = gru_candidate_tile_3x1, FERRY_SIX_ROWS(gru_candidate_tile_6x1)},
    };
    run_step_tiles(&gates, s, s->rows, s->hidden);
    run_step_tiles(&candidate, s, s->rows, s->hidden);
}
