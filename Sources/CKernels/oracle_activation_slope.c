// The derivatives of the activations in double, from the argument alone. Definitions: ferry_activation.h.
#include <math.h>

#include "include/ferry_oracle.h"
#include "include/ferry_training.h"

int32_t ferry_activation_needs_input(ferry_activation activation) {
    switch (activation.kind) {
    case FERRY_ACTIVATION_LINEAR:
    case FERRY_ACTIVATION_RELU:
    case FERRY_ACTIVATION_TANH:
    case FERRY_ACTIVATION_SIGMOID:
    case FERRY_ACTIVATION_HARD_SIGMOID:
    case FERRY_ACTIVATION_SELU:
    case FERRY_ACTIVATION_SOFTSIGN:
    case FERRY_ACTIVATION_EXPONENTIAL:
    case FERRY_ACTIVATION_SPARSE_SIGMOID:
    case FERRY_ACTIVATION_AFFINE: return 0;
    default: return 1;
    }
}

static double logistic(double x) { return 1 / (1 + exp(-x)); }

static double squared_secant(double x) { return 1 / (cosh(x) * cosh(x)); }

static double inside(double x, double low, double high) { return x > low && x < high; }

static double mish_slope(double x) {
    double softplus = log1p(exp(-fabs(x))) + (x > 0 ? x : 0);
    return tanh(softplus) + x * squared_secant(softplus) * logistic(x);
}

static double gelu_tanh_slope(double x) {
    double s = logistic(2 * 0.7978845608028654 * (x + 0.044715 * x * x * x));
    return s + x * s * (1 - s) * 2 * 0.7978845608028654 * (1 + 3 * 0.044715 * x * x);
}

double ferry_oracle_activation_slope(ferry_activation activation, double x) {
    double alpha = activation.alpha, beta = activation.beta, gamma = activation.gamma;
    switch (activation.kind) {
    case FERRY_ACTIVATION_RELU: return x > 0;
    case FERRY_ACTIVATION_RELU_GENERAL: return x < gamma ? beta : inside(x, gamma, alpha);
    case FERRY_ACTIVATION_TANH: return squared_secant(x);
    case FERRY_ACTIVATION_SIGMOID: return logistic(x) * logistic(-x);
    case FERRY_ACTIVATION_HARD_SIGMOID: return inside(alpha * x + beta, 0, 1) * alpha;
    case FERRY_ACTIVATION_LEAKY_RELU: return x > 0 ? 1 : alpha;
    case FERRY_ACTIVATION_ELU: return x > 0 ? 1 : alpha * exp(x);
    case FERRY_ACTIVATION_SELU: return 1.05070098 * (x > 0 ? 1 : 1.67326324 * exp(x));
    case FERRY_ACTIVATION_CELU: return x > 0 ? 1 : exp(x / alpha);
    case FERRY_ACTIVATION_GELU: return erfc(-x / sqrt(2.0)) / 2 + x * exp(-x * x / 2) / sqrt(2 * M_PI);
    case FERRY_ACTIVATION_GELU_TANH: return gelu_tanh_slope(x);
    case FERRY_ACTIVATION_SILU: return logistic(x) * (1 + x * logistic(-x));
    case FERRY_ACTIVATION_HARD_SILU: return x <= -3 ? 0 : x >= 3 ? 1 : (2 * x + 3) / 6;
    case FERRY_ACTIVATION_SOFTPLUS: return logistic(x);
    case FERRY_ACTIVATION_SOFTSIGN: return 1 / ((1 + fabs(x)) * (1 + fabs(x)));
    case FERRY_ACTIVATION_EXPONENTIAL: return exp(x);
    case FERRY_ACTIVATION_MISH: return mish_slope(x);
    case FERRY_ACTIVATION_LOG_SIGMOID: return logistic(-x);
    case FERRY_ACTIVATION_TANH_SHRINK: return tanh(x) * tanh(x);
    case FERRY_ACTIVATION_HARD_TANH: return inside(x, -1, 1);
    case FERRY_ACTIVATION_HARD_SHRINK:
    case FERRY_ACTIVATION_SOFT_SHRINK: return fabs(x) > alpha;
    case FERRY_ACTIVATION_THRESHOLD:
    case FERRY_ACTIVATION_THRESHOLDED_RELU: return x > alpha;
    case FERRY_ACTIVATION_SQUAREPLUS: return (1 + x / sqrt(x * x + alpha)) / 2;
    case FERRY_ACTIVATION_SPARSE_PLUS: return x <= -1 ? 0 : x >= 1 ? 1 : (x + 1) / 2;
    case FERRY_ACTIVATION_SPARSE_SIGMOID: return inside(x, -1, 1) / 2;
    case FERRY_ACTIVATION_AFFINE: return alpha;
    case FERRY_ACTIVATION_SCALED_TANH: return alpha * beta * squared_secant(beta * x);
    default: return 1;
    }
}
