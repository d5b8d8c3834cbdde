// GRU step where the reset gate scales the finished recurrent product: one pass, three gates.

FERRY_INLINE void gru_start(const ferry_gru_step *s, size_t row, size_t unit, size_t lanes, vector *gate) {
    const float *x = s->x_projection + row * s->x_projection_stride + unit;
#pragma clang loop unroll(full)
    for (int g = 0; g < 3; g++) gate[g] = load_lanes(x + (size_t)g * s->hidden, lanes);
}

FERRY_INLINE vector gru_recurrent_bias(const ferry_gru_step *s, size_t gate, size_t unit, size_t lanes) {
    if (s->recurrent_bias == NULL) return splat(0.0f);
    return load_lanes(s->recurrent_bias + gate * s->hidden + unit, lanes);
}

FERRY_INLINE void gru_after_finish(const ferry_gru_step *s, size_t row, size_t unit, size_t lanes,
                                   const vector *gate, vector x_candidate) {
    vector h_prev = load_lanes(s->h_prev + row * s->h_prev_stride + unit, lanes);
    vector z = activated(clipped(gate[0], s->clip), &s->recurrent_activation);
    vector r = activated(clipped(gate[1], s->clip), &s->recurrent_activation);
    vector n = activated(clipped(multiply_add(r, gate[2], x_candidate), s->clip), &s->activation);
    vector h = multiply_add(z, h_prev, (1.0f - z) * n);
    if (s->gates) {
        float *kept = s->gates + row * s->gates_stride + unit;
        store_lanes(kept, z, lanes);
        store_lanes(kept + s->hidden, r, lanes);
        store_lanes(kept + 2 * s->hidden, n, lanes);
        store_lanes(kept + 3 * s->hidden, gate[2], lanes);
    }
    store_lanes(s->h + row * s->h_stride + unit, h, lanes);
}

FERRY_INLINE void gru_after_tile(const ferry_gru_step *s, size_t row, size_t unit, const int rows,
                                 const int blocks) {
    vector sums[FERRY_MAX_SUMS], x_candidate[FERRY_MAX_SUMS / 3];
    for (int i = 0; i < rows * blocks; i++) {
        size_t at = unit + (size_t)(i % blocks) * FERRY_WIDTH;
        gru_start(s, row + (size_t)(i / blocks), at, lanes_at(at, s->hidden), sums + 3 * i);
    }
    if (s->inputs) {
        product_rows x = {s->input + row * s->input_stride, s->input_stride, s->inputs};
        add_product(sums, x, s->packed_input + unit * 3 * s->inputs, rows, blocks, 3);
    }
    // The candidate's recurrent sum starts afresh: the reset gate scales it, but not x·W.
    for (int i = 0; i < rows * blocks; i++) {
        size_t at = unit + (size_t)(i % blocks) * FERRY_WIDTH, lanes = lanes_at(at, s->hidden);
        x_candidate[i] = sums[3 * i + 2];
        sums[3 * i] += gru_recurrent_bias(s, 0, at, lanes);
        sums[3 * i + 1] += gru_recurrent_bias(s, 1, at, lanes);
        sums[3 * i + 2] = gru_recurrent_bias(s, 2, at, lanes);
    }
    product_rows h = {s->h_prev + row * s->h_prev_stride, s->h_prev_stride, s->hidden};
    add_product(sums, h, s->packed_recurrent + unit * 3 * s->hidden, rows, blocks, 3);
    for (int i = 0; i < rows * blocks; i++) {
        size_t at = unit + (size_t)(i % blocks) * FERRY_WIDTH;
        gru_after_finish(s, row + (size_t)(i / blocks), at, lanes_at(at, s->hidden), sums + 3 * i,
                         x_candidate[i]);
    }
}

FERRY_DEFINE_STEP_TILE(gru_after, ferry_gru_step, 1, 1)
FERRY_DEFINE_STEP_TILE(gru_after, ferry_gru_step, 1, 2)
FERRY_DEFINE_STEP_TILE(gru_after, ferry_gru_step, 2, 1)
FERRY_DEFINE_STEP_TILE(gru_after, ferry_gru_step, 3, 1)
#if FERRY_REGISTERS == 32
FERRY_DEFINE_STEP_TILE(gru_after, ferry_gru_step, 6, 1)
#endif

static void gru_after_step(const ferry_gru_step *s) {
    static const step_tiles tiles = {
        .single_blocks = 2,
        .batch_blocks = 1,
        .wide = {[1] = gru_after_tile_1x2},
        .narrow = {[1] = gru_after_tile_1x1, [2] = gru_after_tile_2x1, [3] = gru_after_tile_3x1,
                   FERRY_SIX_ROWS(gru_after_tile_6x1)},
    };
    run_step_tiles(&tiles, s, s->rows, s->hidden);
}
