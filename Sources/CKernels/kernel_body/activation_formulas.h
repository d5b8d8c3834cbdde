// One function for each activation kind. Formulas and sources are in ferry_activation.h.

typedef const ferry_activation *parameters;

FERRY_INLINE vector apply_linear(vector x, parameters p) { (void)p; return x; }

FERRY_INLINE vector apply_relu(vector x, parameters p) { (void)p; return at_least(x, 0.0f); }

FERRY_INLINE vector apply_relu_general(vector x, parameters p) {
    vector kept = x <= splat(p->gamma) ? splat(0.0f) : x;
    if (p->alpha < __builtin_inff()) kept = clamp(kept, 0.0f, p->alpha);
    return kept - p->beta * at_least(p->gamma - x, 0.0f);
}

FERRY_INLINE vector apply_tanh(vector x, parameters p) { (void)p; return hyperbolic_tangent(x); }

FERRY_INLINE vector apply_sigmoid(vector x, parameters p) { (void)p; return sigmoid(x); }

FERRY_INLINE vector apply_hard_sigmoid(vector x, parameters p) {
    return clamp(multiply_add(x, splat(p->alpha), splat(p->beta)), 0.0f, 1.0f);
}

FERRY_INLINE vector apply_leaky_relu(vector x, parameters p) { return x < 0.0f ? x * p->alpha : x; }

FERRY_INLINE vector apply_elu(vector x, parameters p) { return x > 0.0f ? x : p->alpha * expm1_of_negative(x); }

FERRY_INLINE vector apply_selu(vector x, parameters p) {
    (void)p;
    return 1.05070098f * (x > 0.0f ? x : 1.67326324f * expm1_of_negative(x));
}

FERRY_INLINE vector apply_celu(vector x, parameters p) {
    return at_least(x, 0.0f) + p->alpha * expm1_of_negative(x / p->alpha);
}

// Φ(−|x|) = e^(−x²/2)·q(t) with t = 1/(1 + 0.4·|x|/√2) and q fitted to erfc(z)·e^(z²)/2, so the
// negative tail keeps its relative precision, which (1 + erf)/2 would lose.
FERRY_INLINE vector apply_gelu(vector x, parameters p) {
    (void)p;
    vector a = magnitude(x);
    vector t = 1.0f / multiply_add(a, splat(0.282842712f), splat(1.0f));
    vector q = multiply_add(t, splat(-0.013859959319233894f), splat(0.0939406305551529f));
    q = multiply_add(q, t, splat(-0.23755739629268646f));
    q = multiply_add(q, t, splat(0.2580149471759796f));
    q = multiply_add(q, t, splat(-0.1292165368795395f));
    q = multiply_add(q, t, splat(0.1291303187608719f));
    q = multiply_add(q, t, splat(0.06720344722270966f));
    q = multiply_add(q, t, splat(0.10695856809616089f));
    q = multiply_add(q, t, splat(0.11253555119037628f));
    q = multiply_add(q, t, splat(0.11285043507814407f));
    vector tail = q * t * exponential(a * a * -0.5f);
    return x * (x >= 0.0f ? 1.0f - tail : tail);
}

// (1 + tanh(y))/2 = sigmoid(2y), which does not cancel for negative y.
FERRY_INLINE vector apply_gelu_tanh(vector x, parameters p) {
    (void)p;
    vector cubic = multiply_add(x * x, splat(0.044715f * 1.59576912f), splat(1.59576912f));
    return x * sigmoid(x * cubic);
}

FERRY_INLINE vector apply_silu(vector x, parameters p) { (void)p; return x * sigmoid(x); }

FERRY_INLINE vector apply_hard_silu(vector x, parameters p) {
    (void)p;
    return x * (clamp(x + 3.0f, 0.0f, 6.0f) * (1.0f / 6.0f));
}

FERRY_INLINE vector apply_softplus(vector x, parameters p) {
    (void)p;
    return at_least(x, 0.0f) + log1p_of_fraction(exponential_of_negative_magnitude(x));
}

FERRY_INLINE vector apply_softsign(vector x, parameters p) { (void)p; return x / (magnitude(x) + 1.0f); }

FERRY_INLINE vector apply_exponential(vector x, parameters p) { (void)p; return exponential(x); }

// tanh(log(1 + e)) = w/(w + 2) with w = e·(e + 2); for x ≥ 20 the quotient is 1 in float.
FERRY_INLINE vector apply_mish(vector x, parameters p) {
    (void)p;
    vector e = exponential(at_most(x, 20.0f));
    vector w = e * (e + 2.0f);
    return x * (w / (w + 2.0f));
}

FERRY_INLINE vector apply_log_sigmoid(vector x, parameters p) { return -apply_softplus(-x, p); }

FERRY_INLINE vector apply_tanh_shrink(vector x, parameters p) { (void)p; return x - hyperbolic_tangent(x); }

FERRY_INLINE vector apply_hard_tanh(vector x, parameters p) { (void)p; return clamp(x, -1.0f, 1.0f); }

FERRY_INLINE vector apply_hard_shrink(vector x, parameters p) {
    return magnitude(x) <= splat(p->alpha) ? splat(0.0f) : x;
}

FERRY_INLINE vector apply_soft_shrink(vector x, parameters p) {
    vector shrunk = with_sign_of(magnitude(x) - p->alpha, x);
    return magnitude(x) <= splat(p->alpha) ? splat(0.0f) : shrunk;
}

FERRY_INLINE vector apply_threshold(vector x, parameters p) {
    return x <= splat(p->alpha) ? splat(p->beta) : x;
}

// For negative x the sum would cancel; (√ − x)(√ + x) = alpha gives the same value without.
FERRY_INLINE vector apply_squareplus(vector x, parameters p) {
    vector far = magnitude(x) + __builtin_elementwise_sqrt(multiply_add(x, x, splat(p->alpha)));
    return x < 0.0f ? 0.5f * p->alpha / far : 0.5f * far;
}

FERRY_INLINE vector apply_sparse_plus(vector x, parameters p) {
    (void)p;
    vector bent = clamp(x, -1.0f, 1.0f) + 1.0f;
    return x >= 1.0f ? x : 0.25f * bent * bent;
}

FERRY_INLINE vector apply_sparse_sigmoid(vector x, parameters p) {
    (void)p;
    return clamp(0.5f * (x + 1.0f), 0.0f, 1.0f);
}

FERRY_INLINE vector apply_affine(vector x, parameters p) {
    return multiply_add(x, splat(p->alpha), splat(p->beta));
}

FERRY_INLINE vector apply_thresholded_relu(vector x, parameters p) {
    return x <= splat(p->alpha) ? splat(0.0f) : x;
}

FERRY_INLINE vector apply_scaled_tanh(vector x, parameters p) {
    return p->alpha * hyperbolic_tangent(p->beta * x);
}
