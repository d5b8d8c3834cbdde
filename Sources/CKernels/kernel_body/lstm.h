// The gates of an LSTM. Equations and gate order are in ferry_recurrent.h.

static int lstm_is_standard(const ferry_step *s) {
    return s->recurrent_activation.kind == FERRY_ACTIVATION_SIGMOID &&
           s->activation.kind == FERRY_ACTIVATION_TANH &&
           s->cell_activation.kind == FERRY_ACTIVATION_TANH && s->peepholes == NULL &&
           s->gates == NULL && s->clip <= 0.0f && !s->input_forget;
}

// Where a block of the sums lies.
typedef struct lstm_block {
    const float *gate;
    size_t row, unit, lanes;
} lstm_block;

FERRY_INLINE lstm_block lstm_block_at(const ferry_step *s, const step_tile *t, size_t row, size_t block) {
    const size_t unit = t->unit + block * FERRY_WIDTH;
    return (lstm_block){t->sums + row * t->sums_stride + block * 4 * FERRY_WIDTH, row, unit, lanes_at(unit, s->hidden)};
}

// Sigmoid gates, tanh candidate and output, nothing else asked for: what Keras's defaults give. Several blocks at
// once, whose independent chains hide each other's latency.
FERRY_INLINE void lstm_finish_standard(const ferry_step *s, const lstm_block *at, const int count) {
    vector c[2];
    quotient output[2], outer[2];
#pragma clang loop unroll(full)
    for (int i = 0; i < count; i++) {
        const float *gate = at[i].gate;
        vector x[4] = {load(gate), load(gate + FERRY_WIDTH), load(gate + 3 * FERRY_WIDTH), load(gate + 2 * FERRY_WIDTH)};
        quotient q[4];
        gate_quotients(x, q, 4, 3);
        vector c_prev = load_lanes(s->c_prev + at[i].row * s->c_prev_stride + at[i].unit, at[i].lanes);
        c[i] = multiply_add(divided(q[1]), c_prev, product_divided(q[0], q[3]));
        output[i] = q[2];
    }
    gate_quotients(c, outer, count, 0);
#pragma clang loop unroll(full)
    for (int i = 0; i < count; i++) {
        store_lanes(s->c + at[i].row * s->c_stride + at[i].unit, c[i], at[i].lanes);
        store_lanes(s->h + at[i].row * s->h_stride + at[i].unit, product_divided(output[i], outer[i]), at[i].lanes);
    }
}

FERRY_INLINE vector lstm_gate(const ferry_step *s, vector x, int peephole, vector cell, size_t unit, size_t lanes) {
    if (s->peepholes) {
        vector p = load_lanes(s->peepholes + (size_t)peephole * s->hidden + unit, lanes);
        x = multiply_add(p, cell, x);
    }
    return activated(clipped(x, s->clip), &s->recurrent_activation);
}

static __attribute__((noinline)) void lstm_finish_general(const ferry_step *s, lstm_block at) {
    const size_t row = at.row, unit = at.unit, lanes = at.lanes;
    const float *gate = at.gate;
    vector c_prev = load_lanes(s->c_prev + row * s->c_prev_stride + unit, lanes);
    vector i = lstm_gate(s, load(gate), 0, c_prev, unit, lanes);
    vector f = s->input_forget ? 1.0f - i : lstm_gate(s, load(gate + FERRY_WIDTH), 1, c_prev, unit, lanes);
    vector g = activated(clipped(load(gate + 2 * FERRY_WIDTH), s->clip), &s->activation);
    vector c = multiply_add(f, c_prev, i * g);
    vector o = lstm_gate(s, load(gate + 3 * FERRY_WIDTH), 2, c, unit, lanes);
    vector h = o * activated(c, &s->cell_activation);
    if (s->gates) {
        float *kept = s->gates + row * s->gates_stride + unit;
        store_lanes(kept, i, lanes);
        store_lanes(kept + s->hidden, f, lanes);
        store_lanes(kept + 2 * s->hidden, g, lanes);
        store_lanes(kept + 3 * s->hidden, o, lanes);
    }
    store_lanes(s->c + row * s->c_stride + unit, c, lanes);
    store_lanes(s->h + row * s->h_stride + unit, h, lanes);
}

static void lstm_finish(const ferry_step *s, const step_tile *t) FERRY_REALTIME {
    const int is_standard = lstm_is_standard(s);
    lstm_block waiting[2];
    int count = 0;
    for (size_t row = 0; row < t->rows; row++) {
        for (size_t block = 0; block < t->blocks; block++) {
            waiting[count++] = lstm_block_at(s, t, row, block);
            if (!is_standard) lstm_finish_general(s, waiting[0]);
            else if (count == 2) lstm_finish_standard(s, waiting, 2);
            else continue;
            count = 0;
        }
    }
    if (count) lstm_finish_standard(s, waiting, 1);
}

static void lstm_step(const ferry_step *s) {
    const step_pass pass = {.run = {0, 4}, .starts_from_input = 1, .finish = lstm_finish};
    const step_space space = space_of(s);
    run_step_pass(s, &pass, &space, s->h_prev, s->h_prev_stride);
}
