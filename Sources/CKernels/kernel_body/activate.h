// From an activation's kind to its formula: once per array, or once per vector inside a step.

#define FERRY_FOR_EACH_ACTIVATION(do)          \
    do(LINEAR, linear)                         \
    do(RELU, relu)                             \
    do(RELU_GENERAL, relu_general)             \
    do(TANH, tanh)                             \
    do(SIGMOID, sigmoid)                       \
    do(HARD_SIGMOID, hard_sigmoid)             \
    do(LEAKY_RELU, leaky_relu)                 \
    do(ELU, elu)                               \
    do(SELU, selu)                             \
    do(CELU, celu)                             \
    do(GELU, gelu)                             \
    do(GELU_TANH, gelu_tanh)                   \
    do(SILU, silu)                             \
    do(HARD_SILU, hard_silu)                   \
    do(SOFTPLUS, softplus)                     \
    do(SOFTSIGN, softsign)                     \
    do(EXPONENTIAL, exponential)               \
    do(MISH, mish)                             \
    do(LOG_SIGMOID, log_sigmoid)               \
    do(TANH_SHRINK, tanh_shrink)               \
    do(HARD_TANH, hard_tanh)                   \
    do(HARD_SHRINK, hard_shrink)               \
    do(SOFT_SHRINK, soft_shrink)               \
    do(THRESHOLD, threshold)                   \
    do(SQUAREPLUS, squareplus)                 \
    do(SPARSE_PLUS, sparse_plus)               \
    do(SPARSE_SIGMOID, sparse_sigmoid)         \
    do(AFFINE, affine)                         \
    do(THRESHOLDED_RELU, thresholded_relu)     \
    do(SCALED_TANH, scaled_tanh)

#define FERRY_DEFINE_LOOP(KIND, name)                                                       \
    static void activate_##name(parameters p, const float *x, float *y, size_t n) {         \
        size_t i = 0;                                                                       \
        for (; i + FERRY_WIDTH <= n; i += FERRY_WIDTH) store(y + i, apply_##name(load(x + i), p)); \
        if (i < n) store_lanes(y + i, apply_##name(load_lanes(x + i, n - i), p), n - i);     \
    }
FERRY_FOR_EACH_ACTIVATION(FERRY_DEFINE_LOOP)
#undef FERRY_DEFINE_LOOP

static void activate(ferry_activation activation, const float *x, float *y, size_t n) FERRY_REALTIME {
    switch (activation.kind) {
#define FERRY_CASE(KIND, name) \
    case FERRY_ACTIVATION_##KIND: activate_##name(&activation, x, y, n); return;
        FERRY_FOR_EACH_ACTIVATION(FERRY_CASE)
#undef FERRY_CASE
    default: activate_linear(&activation, x, y, n);
    }
}

// Not inlined: every step would carry all thirty formulas several times.
static __attribute__((noinline)) void activate_vector(parameters p, float *x) {
    switch (p->kind) {
#define FERRY_CASE(KIND, name) \
    case FERRY_ACTIVATION_##KIND: store(x, apply_##name(load(x), p)); return;
        FERRY_FOR_EACH_ACTIVATION(FERRY_CASE)
#undef FERRY_CASE
    default: return;
    }
}

// The kinds of nearly every gate stay inline; the branch is the same at every step.
FERRY_INLINE vector activated(vector x, parameters p) {
    if (p->kind == FERRY_ACTIVATION_SIGMOID) return sigmoid(x);
    if (p->kind == FERRY_ACTIVATION_TANH) return hyperbolic_tangent(x);
    if (p->kind == FERRY_ACTIVATION_RELU) return apply_relu(x, p);
    float lanes[FERRY_WIDTH];
    store(lanes, x);
    activate_vector(p, lanes);
    return load(lanes);
}
