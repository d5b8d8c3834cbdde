// One LSTM step. Equations and gate order are in ferry_recurrent.h.

enum { lstm_gates = 4 };

static int lstm_is_standard(const ferry_lstm_step *s) {
    return s->recurrent_activation.kind == FERRY_ACTIVATION_SIGMOID &&
           s->activation.kind == FERRY_ACTIVATION_TANH &&
           s->cell_activation.kind == FERRY_ACTIVATION_TANH && s->peepholes == NULL &&
           s->gates == NULL && s->clip <= 0.0f && !s->input_forget;
}

FERRY_INLINE void lstm_store_state(const ferry_lstm_step *s, size_t row, size_t unit, size_t lanes,
                                   vector c, vector h) {
    store_lanes(s->c + row * s->c_stride + unit, c, lanes);
    store_lanes(s->h + row * s->h_stride + unit, h, lanes);
}

// Sigmoid gates, tanh candidate and output, nothing else asked for: what Keras's defaults give.
// All gates first, then all outputs: so many independent chains hide each other's latency.
FERRY_INLINE void lstm_finish_standard(const ferry_lstm_step *s, size_t row, size_t unit,
                                       const vector *sums, const int rows, const int blocks) {
    vector c[FERRY_MAX_SUMS / lstm_gates], o[FERRY_MAX_SUMS / lstm_gates];
    for (int i = 0; i < rows * blocks; i++) {
        const vector *gate = sums + i * lstm_gates;
        size_t at = unit + (size_t)(i % blocks) * FERRY_WIDTH, this_row = row + (size_t)(i / blocks);
        vector c_prev = load_lanes(s->c_prev + this_row * s->c_prev_stride + at, lanes_at(at, s->hidden));
        c[i] = multiply_add(sigmoid(gate[1]), c_prev, sigmoid(gate[0]) * hyperbolic_tangent(gate[2]));
        o[i] = sigmoid(gate[3]);
    }
    for (int i = 0; i < rows * blocks; i++) {
        size_t at = unit + (size_t)(i % blocks) * FERRY_WIDTH, this_row = row + (size_t)(i / blocks);
        vector h = o[i] * hyperbolic_tangent(c[i]);
        lstm_store_state(s, this_row, at, lanes_at(at, s->hidden), c[i], h);
    }
}

FERRY_INLINE vector lstm_gate(const ferry_lstm_step *s, vector x, int peephole, vector cell,
                              size_t unit, size_t lanes) {
    if (s->peepholes) {
        vector p = load_lanes(s->peepholes + (size_t)peephole * s->hidden + unit, lanes);
        x = multiply_add(p, cell, x);
    }
    return activated(clipped(x, s->clip), &s->recurrent_activation);
}

static __attribute__((noinline)) void lstm_finish_general(const ferry_lstm_step *s, size_t row,
                                                          size_t unit, size_t lanes,
                                                          const vector *gate) {
    vector c_prev = load_lanes(s->c_prev + row * s->c_prev_stride + unit, lanes);
    vector i = lstm_gate(s, gate[0], 0, c_prev, unit, lanes);
    vector f = s->input_forget ? 1.0f - i : lstm_gate(s, gate[1], 1, c_prev, unit, lanes);
    vector g = activated(clipped(gate[2], s->clip), &s->activation);
    vector c = multiply_add(f, c_prev, i * g);
    vector o = lstm_gate(s, gate[3], 2, c, unit, lanes);
    vector h = o * activated(c, &s->cell_activation);
    if (s->gates) {
        float *kept = s->gates + row * s->gates_stride + unit;
        store_lanes(kept, i, lanes);
        store_lanes(kept + s->hidden, f, lanes);
        store_lanes(kept + 2 * s->hidden, g, lanes);
        store_lanes(kept + 3 * s->hidden, o, lanes);
    }
    lstm_store_state(s, row, unit, lanes, c, h);
}

FERRY_INLINE void lstm_start(const ferry_lstm_step *s, size_t row, size_t unit, size_t lanes,
                             vector *gate) {
    const float *x = s->x_projection + row * s->x_projection_stride + unit;
#pragma clang loop unroll(full)
    for (int g = 0; g < lstm_gates; g++) gate[g] = load_lanes(x + (size_t)g * s->hidden, lanes);
}

FERRY_INLINE void lstm_tile(const ferry_lstm_step *s, size_t row, size_t unit, const int rows,
                            const int blocks) {
    vector sums[FERRY_MAX_SUMS];
    for (int i = 0; i < rows * blocks; i++) {
        size_t at = unit + (size_t)(i % blocks) * FERRY_WIDTH;
        lstm_start(s, row + (size_t)(i / blocks), at, lanes_at(at, s->hidden), sums + i * lstm_gates);
    }
    if (s->inputs) {
        product_rows x = {s->input + row * s->input_stride, s->input_stride, s->inputs};
        add_product(sums, x, s->packed_input + unit * lstm_gates * s->inputs, rows, blocks, lstm_gates);
    }
    product_rows h = {s->h_prev + row * s->h_prev_stride, s->h_prev_stride, s->hidden};
    add_product(sums, h, s->packed_recurrent + unit * lstm_gates * s->hidden, rows, blocks, lstm_gates);
    if (lstm_is_standard(s)) {
        lstm_finish_standard(s, row, unit, sums, rows, blocks);
        return;
    }
    for (int i = 0; i < rows * blocks; i++) {
        size_t at = unit + (size_t)(i % blocks) * FERRY_WIDTH;
        lstm_finish_general(s, row + (size_t)(i / blocks), at, lanes_at(at, s->hidden), sums + i * lstm_gates);
    }
}

FERRY_DEFINE_STEP_TILE(lstm, ferry_lstm_step, 1, 1)
FERRY_DEFINE_STEP_TILE(lstm, ferry_lstm_step, 1, 2)
FERRY_DEFINE_STEP_TILE(lstm, ferry_lstm_step, 2, 1)
FERRY_DEFINE_STEP_TILE(lstm, ferry_lstm_step, 3, 1)
#if FERRY_REGISTERS == 32
FERRY_DEFINE_STEP_TILE(lstm, ferry_lstm_step, 6, 1)
#endif

static void lstm_step(const ferry_lstm_step *s) {
    static const step_tiles tiles = {
        .single_blocks = 2,
        .batch_blocks = 1,
        .wide = {[1] = lstm_tile_1x2},
        .narrow = {[1] = lstm_tile_1x1, [2] = lstm_tile_2x1, [3] = lstm_tile_3x1,
                   FERRY_SIX_ROWS(lstm_tile_6x1)},
    };
    run_step_tiles(&tiles, s, s->rows, s->hidden);
}
