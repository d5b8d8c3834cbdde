// The gates of a GRU. Equations and gate order are in ferry_recurrent.h.

FERRY_INLINE vector gru_gate(const ferry_step *s, const float *sum, const float *x) {
    return activated(clipped(load(sum) + load(x), s->clip), &s->recurrent_activation);
}

FERRY_INLINE void gru_finish_after(const ferry_step *s, const float *sum, const float *x, size_t row, size_t unit) {
    const size_t lanes = lanes_at(unit, s->hidden);
    vector h_prev = load_lanes(s->h_prev + row * s->h_prev_stride + unit, lanes);
    vector product = load(sum + 2 * FERRY_WIDTH);
    vector z = gru_gate(s, sum, x), r = gru_gate(s, sum + FERRY_WIDTH, x + FERRY_WIDTH);
    vector inner = multiply_add(r, product, load(x + 2 * FERRY_WIDTH));
    vector n = activated(clipped(inner, s->clip), &s->activation);
    if (s->gates) {
        float *kept = s->gates + row * s->gates_stride + unit;
        store_lanes(kept, z, lanes);
        store_lanes(kept + s->hidden, r, lanes);
        store_lanes(kept + 2 * s->hidden, n, lanes);
        store_lanes(kept + 3 * s->hidden, product, lanes);
    }
    store_lanes(s->h + row * s->h_stride + unit, multiply_add(z, h_prev, (1.0f - z) * n), lanes);
}

// z waits in `h` for the candidate, which needs r⊙h_prev of every unit.
FERRY_INLINE void gru_finish_gates(const ferry_step *s, const float *sum, const float *x, size_t row, size_t unit) {
    const size_t lanes = lanes_at(unit, s->hidden);
    vector h_prev = load_lanes(s->h_prev + row * s->h_prev_stride + unit, lanes);
    vector z = gru_gate(s, sum, x), r = gru_gate(s, sum + FERRY_WIDTH, x + FERRY_WIDTH);
    store_lanes(s->h + row * s->h_stride + unit, z, lanes);
    store_lanes(space_of(s).reset + row * s->hidden + unit, r * h_prev, lanes);
    if (s->gates) {
        float *kept = s->gates + row * s->gates_stride + unit;
        store_lanes(kept, z, lanes);
        store_lanes(kept + s->hidden, r, lanes);
    }
}

FERRY_INLINE void gru_finish_candidate(const ferry_step *s, const float *sum, const float *x, size_t row,
                                       size_t unit) {
    const size_t lanes = lanes_at(unit, s->hidden);
    float *h = s->h + row * s->h_stride + unit;
    vector h_prev = load_lanes(s->h_prev + row * s->h_prev_stride + unit, lanes);
    vector z = load_lanes(h, lanes);
    vector n = activated(clipped(load(sum) + load(x), s->clip), &s->activation);
    if (s->gates) store_lanes(s->gates + row * s->gates_stride + 2 * s->hidden + unit, n, lanes);
    store_lanes(h, multiply_add(z, h_prev, (1.0f - z) * n), lanes);
}

// A function over the blocks of a tile from one over a single block.
#define FERRY_DEFINE_GRU_FINISH(name, gates)                                                      \
    static void name##_tile(const ferry_step *s, const step_tile *t) FERRY_REALTIME {             \
        for (size_t i = 0; i < t->rows; i++) {                                                    \
            for (size_t block = 0; block < t->blocks; block++) {                                  \
                size_t column = block * gates * FERRY_WIDTH;                                      \
                name(s, t->sums + i * t->sums_stride + column, t->x + i * t->x_stride + column,   \
                     i, t->unit + block * FERRY_WIDTH);                                  \
            }                                                                                     \
        }                                                                                         \
    }
FERRY_DEFINE_GRU_FINISH(gru_finish_after, 3)
FERRY_DEFINE_GRU_FINISH(gru_finish_gates, 2)
FERRY_DEFINE_GRU_FINISH(gru_finish_candidate, 1)
#undef FERRY_DEFINE_GRU_FINISH

static int gru_is_standard(const ferry_step *s) {
    return s->recurrent_activation.kind == FERRY_ACTIVATION_SIGMOID && s->activation.kind == FERRY_ACTIVATION_TANH &&
           s->gates == NULL && s->clip <= 0.0f;
}

// Sigmoid gates and tanh candidate: z and the candidate's sum take the place of the gates' sums.
FERRY_INLINE void gru_standard_gates(float *sum, const float *x) {
    vector gate[2];
    quotient q[2];
    FERRY_STAGE(i, 2) gate[i] = load(sum + i * FERRY_WIDTH) + load(x + i * FERRY_WIDTH);
    gate_quotients(gate, q, 2, 2);
    store(sum, divided(q[0]));
    store(sum + FERRY_WIDTH, multiply_add(divided(q[1]), load(sum + 2 * FERRY_WIDTH), load(x + 2 * FERRY_WIDTH)));
}

// The output from what `gru_standard_gates` left.
FERRY_INLINE void gru_standard_output(const ferry_step *s, const float *sum, size_t row, size_t unit) {
    const size_t lanes = lanes_at(unit, s->hidden);
    vector h_prev = load_lanes(s->h_prev + row * s->h_prev_stride + unit, lanes), z = load(sum);
    vector inner = load(sum + FERRY_WIDTH);
    quotient n;
    gate_quotients(&inner, &n, 1, 0);
    store_lanes(s->h + row * s->h_stride + unit, multiply_add(z, h_prev, (1.0f - z) * divided(n)), lanes);
}

// What Keras's defaults give, nothing else asked for. See `lstm_finish_standard` for the order.
static void gru_finish_after_standard_tile(const ferry_step *s, const step_tile *t) FERRY_REALTIME {
    for (size_t row = 0; row < t->rows; row++) {
        float *sum = t->sums + row * t->sums_stride;
        const float *x = t->x + row * t->x_stride;
        for (size_t block = 0; block < t->blocks; block++) {
            const size_t column = block * 3 * FERRY_WIDTH;
            gru_standard_gates(sum + column, x + column);
        }
    }
    for (size_t row = 0; row < t->rows; row++) {
        const float *sum = t->sums + row * t->sums_stride;
        for (size_t block = 0; block < t->blocks; block++) {
            gru_standard_output(s, sum + block * 3 * FERRY_WIDTH, row, t->unit + block * FERRY_WIDTH);
        }
    }
}

static void gru_after_step(const ferry_step *s) {
    const step_pass pass = {
        .run = {0, 3}, .finish = gru_is_standard(s) ? gru_finish_after_standard_tile : gru_finish_after_tile};
    const step_space space = space_of(s);
    run_step_pass(s, &pass, &space, s->h_prev, s->h_prev_stride);
}

static void gru_before_step(const ferry_step *s) {
    const step_pass gates = {.run = {0, 2}, .finish = gru_finish_gates_tile};
    const step_pass candidate = {
        .run = {2, 1}, .first_column = run_columns(gates.run, s->hidden), .finish = gru_finish_candidate_tile};
    const step_space space = space_of(s);
    run_step_pass(s, &gates, &space, s->h_prev, s->h_prev_stride);
    run_step_pass(s, &candidate, &space, space.reset, s->hidden);
}
