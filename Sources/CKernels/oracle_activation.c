// The activations in double, one line each. Definitions and sources: ferry_activation.h.
#include <math.h>

#include "include/ferry_oracle.h"

static double clip(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

static double positive(double x) { return x < 0 ? 0 : x; }

static double sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }

static double softplus(double x) { return positive(x) + log1p(exp(-fabs(x))); }

static double elu(double x, double alpha) { return x > 0 ? x : alpha * expm1(x); }

static double relu_general(double x, double most, double slope, double threshold) {
    double kept = x <= threshold ? 0 : x;
    if (most < INFINITY) kept = clip(kept, 0, most);
    return kept - slope * positive(threshold - x);
}

static double soft_shrink(double x, double alpha) {
    return x > alpha ? x - alpha : x < -alpha ? x + alpha : x != x ? x : 0;
}

static double squareplus(double x, double b) {
    double far = fabs(x) + sqrt(x * x + b);
    return x < 0 ? b / 2 / far : far / 2;
}

static double sparse_plus(double x) {
    double bent = clip(x, -1, 1) + 1;
    return x >= 1 ? x : bent * bent / 4;
}

double ferry_oracle_activation(ferry_activation activation, double x) {
    double alpha = activation.alpha, beta = activation.beta, gamma = activation.gamma;
    switch (activation.kind) {
    case FERRY_ACTIVATION_RELU: return positive(x);
    case FERRY_ACTIVATION_RELU_GENERAL: return relu_general(x, alpha, beta, gamma);
    case FERRY_ACTIVATION_TANH: return tanh(x);
    case FERRY_ACTIVATION_SIGMOID: return sigmoid(x);
    case FERRY_ACTIVATION_HARD_SIGMOID: return clip(alpha * x + beta, 0, 1);
    case FERRY_ACTIVATION_LEAKY_RELU: return x < 0 ? alpha * x : x;
    case FERRY_ACTIVATION_ELU: return elu(x, alpha);
    case FERRY_ACTIVATION_SELU: return 1.05070098 * elu(x, 1.67326324);
    case FERRY_ACTIVATION_CELU: return positive(x) + alpha * expm1(x / alpha > 0 ? 0 : x / alpha);
    case FERRY_ACTIVATION_GELU: return x * erfc(-x / sqrt(2.0)) / 2;
    case FERRY_ACTIVATION_GELU_TANH:
        return x * sigmoid(2 * 0.7978845608028654 * (x + 0.044715 * x * x * x));
    case FERRY_ACTIVATION_SILU: return x * sigmoid(x);
    case FERRY_ACTIVATION_HARD_SILU: return x * clip(x + 3, 0, 6) / 6;
    case FERRY_ACTIVATION_SOFTPLUS: return softplus(x);
    case FERRY_ACTIVATION_SOFTSIGN: return x / (1 + fabs(x));
    case FERRY_ACTIVATION_EXPONENTIAL: return exp(x);
    case FERRY_ACTIVATION_MISH: return x * tanh(softplus(x));
    case FERRY_ACTIVATION_LOG_SIGMOID: return -softplus(-x);
    case FERRY_ACTIVATION_TANH_SHRINK: return x - tanh(x);
    case FERRY_ACTIVATION_HARD_TANH: return clip(x, -1, 1);
    case FERRY_ACTIVATION_HARD_SHRINK: return fabs(x) <= alpha ? 0 : x;
    case FERRY_ACTIVATION_SOFT_SHRINK: return soft_shrink(x, alpha);
    case FERRY_ACTIVATION_THRESHOLD: return x <= alpha ? beta : x;
    case FERRY_ACTIVATION_SQUAREPLUS: return squareplus(x, alpha);
    case FERRY_ACTIVATION_SPARSE_PLUS: return sparse_plus(x);
    case FERRY_ACTIVATION_SPARSE_SIGMOID: return clip((x + 1) / 2, 0, 1);
    case FERRY_ACTIVATION_AFFINE: return alpha * x + beta;
    case FERRY_ACTIVATION_THRESHOLDED_RELU: return x <= alpha ? 0 : x;
    case FERRY_ACTIVATION_SCALED_TANH: return alpha * tanh(beta * x);
    default: return x;
    }
}

void ferry_oracle_activate(ferry_activation activation, const float *x, float *y, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = (float)ferry_oracle_activation(activation, x[i]);
}
