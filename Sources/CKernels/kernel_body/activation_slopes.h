// The derivative of each activation kind from its argument x and its value y. Where the two sides of a kink differ,
// the side is TensorFlow's. Kinds listed by `ferry_activation_needs_input` read x, all others y alone.

FERRY_INLINE vector where(integers condition, vector yes, vector no) { return condition ? yes : no; }

FERRY_INLINE vector slope_linear(vector x, vector y, parameters p) { (void)x; (void)y; (void)p; return splat(1.0f); }

FERRY_INLINE vector slope_relu(vector x, vector y, parameters p) {
    (void)x; (void)p;
    return where(y > 0.0f, splat(1.0f), splat(0.0f));
}

FERRY_INLINE vector slope_relu_general(vector x, vector y, parameters p) {
    (void)y;
    vector kept = where((x > p->gamma) & (x < p->alpha), splat(1.0f), splat(0.0f));
    return where(x < p->gamma, splat(p->beta), kept);
}

FERRY_INLINE vector slope_tanh(vector x, vector y, parameters p) { (void)x; (void)p; return 1.0f - y * y; }

FERRY_INLINE vector slope_sigmoid(vector x, vector y, parameters p) { (void)x; (void)p; return y * (1.0f - y); }

FERRY_INLINE vector slope_hard_sigmoid(vector x, vector y, parameters p) {
    (void)x;
    return where((y > 0.0f) & (y < 1.0f), splat(p->alpha), splat(0.0f));
}

FERRY_INLINE vector slope_leaky_relu(vector x, vector y, parameters p) {
    (void)y;
    return where(x > 0.0f, splat(1.0f), splat(p->alpha));
}

FERRY_INLINE vector slope_elu(vector x, vector y, parameters p) {
    (void)y;
    return where(x > 0.0f, splat(1.0f), p->alpha * exponential(at_most(x, 0.0f)));
}

FERRY_INLINE vector slope_selu(vector x, vector y, parameters p) {
    (void)x; (void)p;
    return where(y > 0.0f, splat(1.05070098f), y + 1.75809934f);
}

FERRY_INLINE vector slope_celu(vector x, vector y, parameters p) {
    (void)y;
    return where(x > 0.0f, splat(1.0f), exponential(at_most(x / p->alpha, 0.0f)));
}

// Φ(x) + x·φ(x); Φ(x) is gelu(x)/x.
FERRY_INLINE vector slope_gelu(vector x, vector y, parameters p) {
    (void)p;
    vector density = 0.398942280f * exponential(x * x * -0.5f);
    vector probability = where(x == 0.0f, splat(0.5f), y / x);
    return multiply_add(x, density, probability);
}

// With s = sigmoid(u), u = 2·√(2/π)·(x + 0.044715·x³): s + x·s·(1 − s)·u′.
FERRY_INLINE vector slope_gelu_tanh(vector x, vector y, parameters p) {
    (void)y; (void)p;
    vector square = x * x;
    vector s = sigmoid(x * multiply_add(square, splat(0.044715f * 1.59576912f), splat(1.59576912f)));
    vector inner = multiply_add(square, splat(3.0f * 0.044715f * 1.59576912f), splat(1.59576912f));
    return multiply_add(x * s * (1.0f - s), inner, s);
}

FERRY_INLINE vector slope_silu(vector x, vector y, parameters p) {
    (void)p;
    vector s = sigmoid(x);
    return multiply_add(y, 1.0f - s, s);
}

FERRY_INLINE vector slope_hard_silu(vector x, vector y, parameters p) {
    (void)y; (void)p;
    vector inside = where((x > -3.0f) & (x < 3.0f), x * (1.0f / 6.0f), splat(0.0f));
    return inside + clamp(x + 3.0f, 0.0f, 6.0f) * (1.0f / 6.0f);
}

FERRY_INLINE vector slope_softplus(vector x, vector y, parameters p) { (void)y; (void)p; return sigmoid(x); }

FERRY_INLINE vector slope_softsign(vector x, vector y, parameters p) {
    (void)x; (void)p;
    vector rest = 1.0f - magnitude(y);
    return rest * rest;
}

FERRY_INLINE vector slope_exponential(vector x, vector y, parameters p) { (void)x; (void)p; return y; }

// With t = tanh(softplus x): t + x·(1 − t²)·sigmoid x.
FERRY_INLINE vector slope_mish(vector x, vector y, parameters p) {
    (void)y; (void)p;
    vector t = hyperbolic_tangent(apply_softplus(x, p));
    return multiply_add(x * (1.0f - t * t), sigmoid(x), t);
}

FERRY_INLINE vector slope_log_sigmoid(vector x, vector y, parameters p) { (void)y; (void)p; return sigmoid(-x); }

FERRY_INLINE vector slope_tanh_shrink(vector x, vector y, parameters p) {
    (void)y; (void)p;
    vector t = hyperbolic_tangent(x);
    return t * t;
}

FERRY_INLINE vector slope_hard_tanh(vector x, vector y, parameters p) {
    (void)y; (void)p;
    return where((x > -1.0f) & (x < 1.0f), splat(1.0f), splat(0.0f));
}

FERRY_INLINE vector slope_hard_shrink(vector x, vector y, parameters p) {
    (void)y;
    return where(magnitude(x) > p->alpha, splat(1.0f), splat(0.0f));
}

FERRY_INLINE vector slope_soft_shrink(vector x, vector y, parameters p) { return slope_hard_shrink(x, y, p); }

FERRY_INLINE vector slope_threshold(vector x, vector y, parameters p) {
    (void)y;
    return where(x > p->alpha, splat(1.0f), splat(0.0f));
}

FERRY_INLINE vector slope_squareplus(vector x, vector y, parameters p) {
    (void)y;
    vector root = __builtin_elementwise_sqrt(multiply_add(x, x, splat(p->alpha)));
    return multiply_add(x / root, splat(0.5f), splat(0.5f));
}

FERRY_INLINE vector slope_sparse_plus(vector x, vector y, parameters p) {
    (void)y; (void)p;
    return 0.5f * (clamp(x, -1.0f, 1.0f) + 1.0f);
}

FERRY_INLINE vector slope_sparse_sigmoid(vector x, vector y, parameters p) {
    (void)x; (void)p;
    return where((y > 0.0f) & (y < 1.0f), splat(0.5f), splat(0.0f));
}

FERRY_INLINE vector slope_affine(vector x, vector y, parameters p) { (void)x; (void)y; return splat(p->alpha); }

FERRY_INLINE vector slope_thresholded_relu(vector x, vector y, parameters p) { return slope_threshold(x, y, p); }

FERRY_INLINE vector slope_scaled_tanh(vector x, vector y, parameters p) {
    (void)y;
    vector t = hyperbolic_tangent(p->beta * x);
    return p->alpha * p->beta * (1.0f - t * t);
}

// Not inlined, as in activate.h.
static __attribute__((noinline)) void slope_vector(parameters p, const float *x, const float *y, float *slope) {
    switch (p->kind) {
#define FERRY_CASE(KIND, name) \
    case FERRY_ACTIVATION_##KIND: store(slope, slope_##name(load(x), load(y), p)); return;
        FERRY_FOR_EACH_ACTIVATION(FERRY_CASE)
#undef FERRY_CASE
    default: store(slope, splat(1.0f));
    }
}

// The derivative at y, and at x where the kind needs it. Inline for the kinds of nearly every gate.
FERRY_INLINE vector slope(vector x, vector y, parameters p) {
    if (p->kind == FERRY_ACTIVATION_SIGMOID) return slope_sigmoid(x, y, p);
    if (p->kind == FERRY_ACTIVATION_TANH) return slope_tanh(x, y, p);
    if (p->kind == FERRY_ACTIVATION_RELU) return slope_relu(x, y, p);
    float xs[FERRY_WIDTH], ys[FERRY_WIDTH];
    store(xs, x);
    store(ys, y);
    slope_vector(p, xs, ys, ys);
    return load(ys);
}

static void activate_backward(ferry_activation activation, const float *x, const float *y, const float *dy,
                              float *dx, size_t n) {
    for (size_t i = 0; i < n; i += FERRY_WIDTH) {
        size_t lanes = smaller(n - i, FERRY_WIDTH);
        vector at = load_lanes(y + i, lanes);
        vector d = slope(x ? load_lanes(x + i, lanes) : at, at, &activation);
        store_lanes(dx + i, load_lanes(dy + i, lanes) * d, lanes);
    }
}
