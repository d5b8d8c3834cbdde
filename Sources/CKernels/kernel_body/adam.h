// Adam's update in one pass. The equation is in ferry_training.h.

FERRY_INLINE vector square_root(vector x) { return __builtin_elementwise_sqrt(x); }

FERRY_INLINE void adam_block(const ferry_adam *s, size_t i, size_t lanes) {
    const vector g = load_lanes(s->gradient + i, lanes);
    const vector squared = s->squares ? load_lanes(s->squares + i, lanes) : g * g;
    vector m = load_lanes(s->m + i, lanes), v = load_lanes(s->v + i, lanes);
    m += (g - m) * s->rest_1;
    v += (squared - v) * s->rest_2;
    store_lanes(s->m + i, m, lanes);
    store_lanes(s->v + i, v, lanes);
    if (s->largest_v) {
        const vector before = load_lanes(s->largest_v + i, lanes);
        v = before > v ? before : v;
        store_lanes(s->largest_v + i, v, lanes);
    }
    const vector w = load_lanes(s->w + i, lanes);
    store_lanes(s->w + i, w - m * s->alpha / (square_root(v) + s->epsilon), lanes);
}

static void adam(const ferry_adam *s) {
    size_t i = 0;
    for (; i + FERRY_WIDTH <= s->count; i += FERRY_WIDTH) adam_block(s, i, FERRY_WIDTH);
    if (i < s->count) adam_block(s, i, s->count - i);
}
