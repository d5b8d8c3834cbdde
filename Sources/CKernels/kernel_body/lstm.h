// The gates of an LSTM. Equations and gate order are in ferry_recurrent.h.

static int lstm_is_standard(const ferry_step *s) {
    return s->recurrent_activation.kind == FERRY_ACTIVATION_SIGMOID &&
           s->activation.kind == FERRY_ACTIVATION_TANH &&
           s->cell_activation.kind == FERRY_ACTIVATION_TANH && s->peepholes == NULL &&
           s->gates == NULL && s->clip <= 0.0f && !s->input_forget;
}

// Where a block of the sums lies.
typedef struct lstm_block {
    float *gate;
    size_t row, unit, lanes;
} lstm_block;

FERRY_INLINE lstm_block lstm_block_at(const ferry_step *s, const step_tile *t, size_t row, size_t block) {
    const size_t unit = t->unit + block * FERRY_WIDTH;
    return (lstm_block){t->sums + row * t->sums_stride + block * 4 * FERRY_WIDTH, row, unit, lanes_at(unit, s->hidden)};
}

// Sigmoid gates and tanh candidate. The cell and the output gate's denominator take the place of their sums.
FERRY_INLINE void lstm_standard_cell(const ferry_step *s, lstm_block at) {
    float *gate = at.gate;
    vector x[4] = {load(gate), load(gate + FERRY_WIDTH), load(gate + 3 * FERRY_WIDTH), load(gate + 2 * FERRY_WIDTH)};
    quotient q[4];
    gate_quotients(x, q, 4, 3);
    vector c_prev = load_lanes(s->c_prev + at.row * s->c_prev_stride + at.unit, at.lanes);
    vector c = multiply_add(divided(q[1]), c_prev, product_divided(q[0], q[3]));
    store_lanes(s->c + at.row * s->c_stride + at.unit, c, at.lanes);
    store(gate + 2 * FERRY_WIDTH, c);
    store(gate + 3 * FERRY_WIDTH, q[2].denominator);
}

// Sigmoid and tanh of what `lstm_standard_cell` left.
FERRY_INLINE void lstm_standard_output(const ferry_step *s, lstm_block at) {
    vector c = load(at.gate + 2 * FERRY_WIDTH);
    quotient q;
    gate_quotients(&c, &q, 1, 0);
    vector h = q.numerator / (q.denominator * load(at.gate + 3 * FERRY_WIDTH));
    store_lanes(s->h + at.row * s->h_stride + at.unit, h, at.lanes);
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

#define FERRY_FOR_EACH_BLOCK(t, row, block)           \
    for (size_t row = 0; row < (t)->rows; row++) \
        for (size_t block = 0; block < (t)->blocks; block++)

// What Keras's defaults give, nothing else asked for. The output waits for the cell: so it is computed of all blocks
// after the cells of all, and one block's equations need not wait for another's.
static void lstm_finish_standard(const ferry_step *s, const step_tile *t) FERRY_REALTIME {
    FERRY_FOR_EACH_BLOCK(t, row, block) lstm_standard_cell(s, lstm_block_at(s, t, row, block));
    FERRY_FOR_EACH_BLOCK(t, row, block) lstm_standard_output(s, lstm_block_at(s, t, row, block));
}

static void lstm_finish_any(const ferry_step *s, const step_tile *t) FERRY_REALTIME {
    FERRY_FOR_EACH_BLOCK(t, row, block) lstm_finish_general(s, lstm_block_at(s, t, row, block));
}
