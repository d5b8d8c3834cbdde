// One step of a simple recurrent layer. The equation is in ferry_recurrent.h.

FERRY_INLINE void rnn_tile(const ferry_rnn_step *s, size_t row, size_t unit, const int rows,
                           const int blocks) {
    vector sums[FERRY_MAX_SUMS];
    for (int i = 0; i < rows * blocks; i++) {
        size_t at = unit + (size_t)(i % blocks) * FERRY_WIDTH;
        const float *x = s->x_projection + (row + (size_t)(i / blocks)) * s->x_projection_stride;
        sums[i] = load_lanes(x + at, lanes_at(at, s->hidden));
    }
    if (s->inputs) {
        product_rows x = {s->input + row * s->input_stride, s->input_stride, s->inputs};
        add_product(sums, x, s->packed_input + unit * s->inputs, rows, blocks, 1);
    }
    product_rows h = {s->h_prev + row * s->h_prev_stride, s->h_prev_stride, s->hidden};
    add_product(sums, h, s->packed_recurrent + unit * s->hidden, rows, blocks, 1);
    for (int i = 0; i < rows * blocks; i++) {
        size_t at = unit + (size_t)(i % blocks) * FERRY_WIDTH;
        float *h_out = s->h + (row + (size_t)(i / blocks)) * s->h_stride + at;
        store_lanes(h_out, activated(clipped(sums[i], s->clip), &s->activation), lanes_at(at, s->hidden));
    }
}

FERRY_DEFINE_STEP_TILE(rnn, ferry_rnn_step, 1, 1)
FERRY_DEFINE_STEP_TILE(rnn, ferry_rnn_step, 2, 1)
FERRY_DEFINE_STEP_TILE(rnn, ferry_rnn_step, 3, 1)
FERRY_DEFINE_STEP_TILE(rnn, ferry_rnn_step, 1, 4)
FERRY_DEFINE_STEP_TILE(rnn, ferry_rnn_step, 2, 4)
FERRY_DEFINE_STEP_TILE(rnn, ferry_rnn_step, 3, 4)
#if FERRY_REGISTERS == 32
FERRY_DEFINE_STEP_TILE(rnn, ferry_rnn_step, 6, 1)
FERRY_DEFINE_STEP_TILE(rnn, ferry_rnn_step, 6, 4)
#endif

static void rnn_step(const ferry_rnn_step *s) {
    static const step_tiles tiles = {
        .single_blocks = 4,
        .batch_blocks = 4,
        .wide = {[1] = rnn_tile_1x4, [2] = rnn_tile_2x4, [3] = rnn_tile_3x4,
                 FERRY_SIX_ROWS(rnn_tile_6x4)},
        .narrow = {[1] = rnn_tile_1x1, [2] = rnn_tile_2x1, [3] = rnn_tile_3x1,
                   FERRY_SIX_ROWS(rnn_tile_6x1)},
    };
    run_step_tiles(&tiles, s, s->rows, s->hidden);
}
