// A single row of an LSTM, as a stream or a sequence alone has: two blocks of units, whose eight sums hide the latency
// of an addition, go from their products to their outputs before the next begin. With one row there is nothing to
// reuse from a wider order.

// sums += row·weights for the gates of `blocks` neighbouring blocks of units.
FERRY_INLINE void lstm_add_row(vector *sums, const ferry_weights *weights, const float *row, size_t block,
                               const int blocks) {
    const size_t stride = weights->depth * FERRY_PANEL;
    const float *panel = (const float *)weights->panels + block * 2 * stride;
    for (size_t p = 0; p < weights->depth; p++, panel += FERRY_PANEL) {
        add_outer_product(sums, row + p, 0, panel, stride, 1, 2 * blocks, 2);
    }
}

FERRY_INLINE void lstm_row_blocks(const ferry_step *s, size_t block, const int blocks) {
    float gates[8 * FERRY_WIDTH];
    vector sums[8];
    FERRY_STAGE(i, 4 * blocks) sums[i] = load(s->x_projection + (block * 4 + (size_t)i) * FERRY_WIDTH);
    if (s->input_weights.depth) lstm_add_row(sums, &s->input_weights, s->input, block, blocks);
    lstm_add_row(sums, &s->weights, s->h_prev, block, blocks);
    FERRY_STAGE(i, 4 * blocks) store(gates + i * FERRY_WIDTH, sums[i]);
    FERRY_STAGE(i, blocks) {
        const size_t unit = (block + (size_t)i) * FERRY_WIDTH;
        const lstm_block at = {gates + 4 * i * FERRY_WIDTH, 0, unit, lanes_at(unit, s->hidden)};
        lstm_standard_cell(s, at);
        lstm_standard_output(s, at);
    }
}

// What Keras's defaults give.
static void lstm_standard_row(const ferry_step *s) {
    const size_t blocks = block_count(s->hidden), pairs = (blocks + 1) / 2, parts = s->parts ? s->parts : 1;
    const size_t first = pairs * s->part / parts, end = pairs * (s->part + 1) / parts;
    for (size_t i = first; i < end; i++) {
        const size_t block = 2 * (s->backwards ? first + end - 1 - i : i);
        if (block + 1 < blocks) lstm_row_blocks(s, block, 2);
        else lstm_row_blocks(s, block, 1);
    }
}

static void lstm_step(const ferry_step *s) {
    if (s->rows == 1 && s->weights.format == FERRY_WEIGHTS_FLOAT32 && lstm_is_standard(s)) {
        lstm_standard_row(s);
        return;
    }
    const step_pass pass = {.run = {0, 4}, .starts_from_input = 1, .finish = lstm_is_standard(s) ? lstm_finish_standard : lstm_finish_any};
    const step_space space = space_of(s);
    run_step_pass(s, &pass, &space, s->h_prev, s->h_prev_stride);
}
