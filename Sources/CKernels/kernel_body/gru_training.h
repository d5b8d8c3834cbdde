// The element-wise parts of a GRU step in training. Equations are in ferry_training.h.

FERRY_INLINE vector gru_finish(const ferry_gru_training *s, training_block b, size_t gate, vector sum,
                               parameters activation) {
    if (s->sums) store_gate(s->sums, b, gate, sum);
    vector value = activated(sum, activation);
    store_gate(s->gates, b, gate, value);
    return value;
}

FERRY_INLINE vector gru_slope(const ferry_gru_training *s, training_block b, size_t gate, vector value,
                              parameters activation) {
    return slope(sum_or_value(s->sums, b, gate, value), value, activation);
}

FERRY_INLINE void gru_blend(const ferry_gru_training *s, training_block b, vector z, vector n) {
    store_state(s->h, b, multiply_add(z, load_state(s->h_prev, b), (1.0f - z) * n));
}

FERRY_INLINE void gru_after_forward_block(const ferry_gru_training *s, training_block b) {
    vector z_sum = load_gate(s->gates, b, 0) + load_gate(s->recurrent, b, 0);
    vector r_sum = load_gate(s->gates, b, 1) + load_gate(s->recurrent, b, 1);
    vector z = gru_finish(s, b, 0, z_sum, &s->recurrent_activation);
    vector r = gru_finish(s, b, 1, r_sum, &s->recurrent_activation);
    vector n_sum = multiply_add(r, load_gate(s->recurrent, b, 2), load_gate(s->gates, b, 2));
    gru_blend(s, b, z, gru_finish(s, b, 2, n_sum, &s->activation));
}

// The gradients of the sums of z and n; dh becomes the part that goes straight to h_prev.
FERRY_INLINE vector gru_blend_backward(const ferry_gru_training *s, training_block b, vector *dz) {
    vector z = load_gate(s->gates, b, 0), n = load_gate(s->gates, b, 2), dh = load_state(s->dh, b);
    *dz = dh * (load_state(s->h_prev, b) - n) * gru_slope(s, b, 0, z, &s->recurrent_activation);
    store_state(s->dh, b, dh * z);
    return dh * (1.0f - z) * gru_slope(s, b, 2, n, &s->activation);
}

FERRY_INLINE void gru_after_backward_block(const ferry_gru_training *s, training_block b) {
    vector r = load_gate(s->gates, b, 1), dz;
    vector dn = gru_blend_backward(s, b, &dz);
    vector dr = dn * load_gate(s->recurrent, b, 2) * gru_slope(s, b, 1, r, &s->recurrent_activation);
    store_gate(s->gates, b, 0, dz);
    store_gate(s->gates, b, 1, dr);
    store_gate(s->gates, b, 2, dn);
    store_gate(s->recurrent, b, 0, dz);
    store_gate(s->recurrent, b, 1, dr);
    store_gate(s->recurrent, b, 2, dn * r);
}

FERRY_INLINE void gru_before_gates_forward_block(const ferry_gru_training *s, training_block b) {
    gru_finish(s, b, 0, load_gate(s->gates, b, 0), &s->recurrent_activation);
    vector r = gru_finish(s, b, 1, load_gate(s->gates, b, 1), &s->recurrent_activation);
    store_state(s->reset_h, b, r * load_state(s->h_prev, b));
}

FERRY_INLINE void gru_before_output_forward_block(const ferry_gru_training *s, training_block b) {
    vector n = gru_finish(s, b, 2, load_gate(s->gates, b, 2), &s->activation);
    gru_blend(s, b, load_gate(s->gates, b, 0), n);
}

FERRY_INLINE void gru_before_output_backward_block(const ferry_gru_training *s, training_block b) {
    vector dz, dn = gru_blend_backward(s, b, &dz);
    store_gate(s->gates, b, 0, dz);
    store_gate(s->gates, b, 2, dn);
}

FERRY_INLINE void gru_before_gates_backward_block(const ferry_gru_training *s, training_block b) {
    vector r = load_gate(s->gates, b, 1), d_reset = load_state(s->reset_h, b);
    vector dr = d_reset * load_state(s->h_prev, b) * gru_slope(s, b, 1, r, &s->recurrent_activation);
    store_gate(s->gates, b, 1, dr);
    store_state(s->dh, b, multiply_add(d_reset, r, load_state(s->dh, b)));
}

FERRY_DEFINE_TRAINING_LOOP(gru_after_forward, ferry_gru_training, 3)
FERRY_DEFINE_TRAINING_LOOP(gru_after_backward, ferry_gru_training, 3)
FERRY_DEFINE_TRAINING_LOOP(gru_before_gates_forward, ferry_gru_training, 3)
FERRY_DEFINE_TRAINING_LOOP(gru_before_output_forward, ferry_gru_training, 3)
FERRY_DEFINE_TRAINING_LOOP(gru_before_output_backward, ferry_gru_training, 3)
FERRY_DEFINE_TRAINING_LOOP(gru_before_gates_backward, ferry_gru_training, 3)
