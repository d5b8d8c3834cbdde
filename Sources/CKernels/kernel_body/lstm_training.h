// The element-wise parts of an LSTM step in training. Equations are in ferry_training.h.

// One block of units of one row.
typedef struct training_block {
    size_t unit;   // Its first unit,
    size_t state;  // where it lies in [rows, hidden],
    size_t gate;   // and where its first gate lies in [rows, gates·hidden].
    size_t hidden; // From one gate to the next.
    size_t lanes;
} training_block;

FERRY_INLINE training_block training_block_at(size_t row, size_t unit, size_t hidden, size_t gates) {
    training_block block = {unit, row * hidden + unit, row * gates * hidden + unit, hidden, smaller(hidden - unit, FERRY_WIDTH)};
    return block;
}

FERRY_INLINE vector load_state(const float *p, training_block b) { return load_lanes(p + b.state, b.lanes); }
FERRY_INLINE void store_state(float *p, training_block b, vector x) { store_lanes(p + b.state, x, b.lanes); }

FERRY_INLINE vector load_gate(const float *p, training_block b, size_t gate) {
    return load_lanes(p + b.gate + gate * b.hidden, b.lanes);
}

FERRY_INLINE void store_gate(float *p, training_block b, size_t gate, vector x) {
    store_lanes(p + b.gate + gate * b.hidden, x, b.lanes);
}

// The sum of a gate, or its value where sums are not kept and no derivative asks for them.
FERRY_INLINE vector sum_or_value(const float *sums, training_block b, size_t gate, vector value) {
    return sums ? load_gate(sums, b, gate) : value;
}

// The sum of a gate with its bias, kept where sums are.
FERRY_INLINE vector lstm_sum(const ferry_lstm_training *s, training_block b, size_t gate) {
    vector sum = load_gate(s->gates, b, gate);
    if (s->bias) sum += load_lanes(s->bias + gate * b.hidden + b.unit, b.lanes);
    if (s->sums) store_gate(s->sums, b, gate, sum);
    return sum;
}

FERRY_INLINE void lstm_forward_block(const ferry_lstm_training *s, training_block b) {
    vector i = lstm_sum(s, b, 0), f = lstm_sum(s, b, 1), g = lstm_sum(s, b, 2), o = lstm_sum(s, b, 3);
    if (s->recurrent_activation.kind == FERRY_ACTIVATION_SIGMOID && s->activation.kind == FERRY_ACTIVATION_TANH) {
        // Side by side: one after the other, each would wait for its own chain of operations.
        const vector x[4] = {i, f, o, g};
        quotient q[4];
        gate_quotients(x, q, 4, 3);
        i = divided(q[0]), f = divided(q[1]), o = divided(q[2]), g = divided(q[3]);
    } else {
        i = activated(i, &s->recurrent_activation);
        f = activated(f, &s->recurrent_activation);
        g = activated(g, &s->activation);
        o = activated(o, &s->recurrent_activation);
    }
    vector c = multiply_add(f, load_state(s->c_prev, b), i * g);
    vector activated_c = activated(c, &s->cell_activation);
    store_gate(s->gates, b, 0, i);
    store_gate(s->gates, b, 1, f);
    store_gate(s->gates, b, 2, g);
    store_gate(s->gates, b, 3, o);
    store_state(s->c, b, c);
    store_state(s->activated_c, b, activated_c);
    store_state(s->h, b, o * activated_c);
}

FERRY_INLINE void lstm_backward_block(const ferry_lstm_training *s, training_block b) {
    vector i = load_gate(s->gates, b, 0), f = load_gate(s->gates, b, 1);
    vector g = load_gate(s->gates, b, 2), o = load_gate(s->gates, b, 3);
    vector activated_c = load_state(s->activated_c, b), dh = load_state(s->dh, b);
    vector c_slope = slope(load_state(s->c, b), activated_c, &s->cell_activation);
    vector dc = multiply_add(dh * o, c_slope, load_state(s->dc, b));
    vector di = dc * g * slope(sum_or_value(s->sums, b, 0, i), i, &s->recurrent_activation);
    vector df = dc * load_state(s->c_prev, b) * slope(sum_or_value(s->sums, b, 1, f), f, &s->recurrent_activation);
    vector dg = dc * i * slope(sum_or_value(s->sums, b, 2, g), g, &s->activation);
    vector dox = dh * activated_c * slope(sum_or_value(s->sums, b, 3, o), o, &s->recurrent_activation);
    store_gate(s->gates, b, 0, di);
    store_gate(s->gates, b, 1, df);
    store_gate(s->gates, b, 2, dg);
    store_gate(s->gates, b, 3, dox);
    store_state(s->dc, b, dc * f);
}

#define FERRY_DEFINE_TRAINING_LOOP(name, type, gates)                                              \
    static void name(const type *s) {                                                              \
        for (size_t row = 0; row < s->rows; row++) {                                               \
            for (size_t unit = 0; unit < s->hidden; unit += FERRY_WIDTH) {                         \
                name##_block(s, training_block_at(row, unit, s->hidden, gates));                   \
            }                                                                                      \
        }                                                                                          \
    }

FERRY_DEFINE_TRAINING_LOOP(lstm_forward, ferry_lstm_training, 4)
FERRY_DEFINE_TRAINING_LOOP(lstm_backward, ferry_lstm_training, 4)
