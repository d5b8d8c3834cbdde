/// The activation functions the kernels know, by kind and up to three parameters.
#ifndef FERRY_ACTIVATION_H
#define FERRY_ACTIVATION_H

#include <stdint.h>

/// What an activation computes. `alpha`, `beta`, `gamma` are the fields of `ferry_activation`.
///
/// Definitions follow Keras 3 (`keras/src/activations/activations.py`,
/// `keras/src/ops/nn.py`) and, for the kinds only ONNX has, the ONNX operator of the same name
/// (https://onnx.ai/onnx/operators/). NaN in gives NaN out for every kind.
///
/// Error against the exact value in units in its last place (an ulp of a denormal is 2^-149),
/// measured over all 2^32 floats on every table that could run:
/// * `tanh` 2.44 and `sigmoid` 2.41, never more than 2 floats from the correctly rounded result;
/// * `exponential` 1.07, never more than 1 float from it.
///
/// The standard gates of a recurrent step use a form of `tanh` and `sigmoid` without a case for the sign, with the same
/// exponential and error; below 2^-126 it is 0, and tanh of −0 is 0.
///
/// All three hold for denormal results, reach their limits exactly (0, ±1, infinity) and never pass
/// them. Kinds composed of these keep a small relative error, except where the definition itself
/// loses it: `tanh_shrink` cancels near zero, leaving an absolute error below 2^-22·|x|, and the
/// tails of `gelu` and `gelu_tanh` magnify the rounding of their argument, leaving a relative
/// error of about 2^-23·(1 + x²).
typedef enum ferry_activation_kind {
    FERRY_ACTIVATION_LINEAR = 0,            ///< x
    FERRY_ACTIVATION_RELU = 1,              ///< max(x, 0)
    /// Keras `ReLU(max_value: alpha, negative_slope: beta, threshold: gamma)`. Use +infinity for
    /// "no max_value". As Keras computes it: clip(x > gamma ? x : 0, 0, alpha) − beta·max(gamma − x, 0),
    /// where the clip is skipped when alpha is infinite.
    FERRY_ACTIVATION_RELU_GENERAL = 2,
    FERRY_ACTIVATION_TANH = 3,              ///< tanh(x)
    FERRY_ACTIVATION_SIGMOID = 4,           ///< 1 / (1 + e^-x)
    /// clip(alpha·x + beta, 0, 1). Keras 1 and 2: 0.2, 0.5. Keras 3: 1/6, 0.5. ONNX: as given.
    FERRY_ACTIVATION_HARD_SIGMOID = 5,
    FERRY_ACTIVATION_LEAKY_RELU = 6,        ///< x < 0 ? alpha·x : x
    FERRY_ACTIVATION_ELU = 7,               ///< x > 0 ? x : alpha·(e^x − 1)
    FERRY_ACTIVATION_SELU = 8,              ///< 1.05070098·elu(x) with alpha 1.67326324
    FERRY_ACTIVATION_CELU = 9,              ///< max(x, 0) + min(0, alpha·(e^(x/alpha) − 1))
    FERRY_ACTIVATION_GELU = 10,             ///< x·Φ(x), Φ the normal distribution (exact, erf)
    FERRY_ACTIVATION_GELU_TANH = 11,        ///< x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³)))
    FERRY_ACTIVATION_SILU = 12,             ///< x·sigmoid(x)
    FERRY_ACTIVATION_HARD_SILU = 13,        ///< x·clip(x + 3, 0, 6)/6
    FERRY_ACTIVATION_SOFTPLUS = 14,         ///< log(1 + e^x)
    FERRY_ACTIVATION_SOFTSIGN = 15,         ///< x / (1 + |x|)
    FERRY_ACTIVATION_EXPONENTIAL = 16,      ///< e^x
    FERRY_ACTIVATION_MISH = 17,             ///< x·tanh(softplus(x))
    FERRY_ACTIVATION_LOG_SIGMOID = 18,      ///< −softplus(−x)
    FERRY_ACTIVATION_TANH_SHRINK = 19,      ///< x − tanh(x)
    FERRY_ACTIVATION_HARD_TANH = 20,        ///< clip(x, −1, 1)
    FERRY_ACTIVATION_HARD_SHRINK = 21,      ///< |x| > alpha ? x : 0
    FERRY_ACTIVATION_SOFT_SHRINK = 22,      ///< x > alpha ? x − alpha : x < −alpha ? x + alpha : 0
    FERRY_ACTIVATION_THRESHOLD = 23,        ///< x > alpha ? x : beta
    FERRY_ACTIVATION_SQUAREPLUS = 24,       ///< (x + √(x² + alpha)) / 2
    FERRY_ACTIVATION_SPARSE_PLUS = 25,      ///< x ≤ −1: 0; x ≥ 1: x; else (x + 1)²/4
    FERRY_ACTIVATION_SPARSE_SIGMOID = 26,   ///< clip((x + 1)/2, 0, 1)
    FERRY_ACTIVATION_AFFINE = 27,           ///< alpha·x + beta
    FERRY_ACTIVATION_THRESHOLDED_RELU = 28, ///< x > alpha ? x : 0
    FERRY_ACTIVATION_SCALED_TANH = 29,      ///< alpha·tanh(beta·x)
    FERRY_ACTIVATION_KIND_COUNT = 30
} ferry_activation_kind;

/// One activation. `kind` is a `ferry_activation_kind`; any other value computes `linear`, so
/// callers validate before they build one.
typedef struct ferry_activation {
    int32_t kind;
    float alpha, beta, gamma;
} ferry_activation;

#endif
