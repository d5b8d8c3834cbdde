/// What training adds to the recurrent steps: their element-wise parts, forward with everything kept and backward.
///
/// The matrix products around them belong to the caller, who computes them for a whole sequence where that is
/// possible. All arrays are row-major without gaps, [rows, …]; `x` names a sum before an activation and `y` the
/// value after it. Zero a struct, then set its fields.
///
/// A derivative that the value `y` tells by itself needs no `x`; see `ferry_activation_needs_input`. `sums` may be
/// NULL where no activation of the cell needs it.
#ifndef FERRY_TRAINING_H
#define FERRY_TRAINING_H

#include <stddef.h>
#include <stdint.h>

#include "ferry_activation.h"

/// LSTM (equations in ferry_recurrent.h, without peepholes, clipping and coupled gates).
///
/// Forward reads `gates` as sums without `bias` and overwrites them with i, f, g, o; it writes `sums` (where not NULL), `c`,
/// `activated_c` = h(c) and `h`. Backward reads all of these, dL/dh in `dh` and dL/dc from the step after in `dc`;
/// it overwrites `gates` with dL/dx of the four sums and `dc` with dL/dc_prev:
///
///     do = dh⊙h(c)    dc += dh⊙o⊙h′(c)    di = dc⊙g    df = dc⊙c_prev    dg = dc⊙i    dc_prev = dc⊙f
typedef struct ferry_lstm_training {
    size_t rows, hidden;
    float *gates;        ///< [rows, 4·hidden]
    const float *bias;   ///< [4·hidden], or NULL; added last, as Keras does.
    float *sums;         ///< [rows, 4·hidden], or NULL.
    const float *c_prev; ///< [rows, hidden], and so are all below.
    float *c;
    float *activated_c;
    float *h;
    const float *dh;
    float *dc;
    ferry_activation recurrent_activation, activation, cell_activation;
} ferry_lstm_training;

/// GRU (equations in ferry_recurrent.h, without clipping), in the parts that lie between its products.
///
/// Reset after: forward takes x·W + b in `gates` and h_prev·U + b in `recurrent`, overwrites `gates` with z, r, n and
/// writes `h`. Backward takes dL/dh in `dh` and overwrites `gates` with the gradient of x·W, `recurrent` with that of
/// h_prev·U, and `dh` with z⊙dh, the part of dL/dh_prev that passes no product.
///
/// Reset before: `gates_forward` finishes z and r and writes r⊙h_prev to `reset_h`; then, with (r⊙h_prev)·U_n added to
/// the third sum, `output_forward` finishes n and h. `output_backward` overwrites the first and third part of `gates`
/// with dL/dx and `dh` with z⊙dh; then, with dL/d(r⊙h_prev) in `reset_h`, `gates_backward` overwrites the second part
/// and adds r⊙dL/d(r⊙h_prev) to `dh`.
typedef struct ferry_gru_training {
    size_t rows, hidden;
    float *gates;        ///< [rows, 3·hidden]
    float *recurrent;    ///< [rows, 3·hidden], reset after only.
    float *sums;         ///< [rows, 3·hidden], or NULL.
    const float *h_prev; ///< [rows, hidden], and so are all below.
    float *h;
    float *dh;
    float *reset_h;      ///< Reset before only.
    ferry_activation recurrent_activation, activation;
} ferry_gru_training;

/// What was multiplied with a kernel: its rows in order of time, and where the kernel's gradient goes.
typedef struct ferry_gradient_factor {
    const float *x;         ///< [rows, columns]
    size_t columns, stride; ///< `stride` floats from row to row.
    size_t zero_rows;       ///< So many rows at the start are known to be zero and are not read.
    float *gradient;        ///< [columns of this, columns of dy], written.
    size_t gradient_stride;
} ferry_gradient_factor;

/// gradient = xᵀ·dy for up to two factors x that gave one sum, whose gradient is dy; and the sum of the rows of dy, the
/// gradient of a bias. A gradient none of whose rows is other than zero is left as it was.
///
/// Each element is one chain of multiply-adds in the order of the rows.
typedef struct ferry_weight_gradient {
    size_t rows, columns;
    const float *dy; ///< [rows, columns]
    size_t dy_stride;
    size_t factor_count;
    ferry_gradient_factor factors[2];
    float *row_sum;   ///< [columns], or NULL.
    float *workspace; ///< `weight_gradient_floats` floats, aligned to 64 bytes, overwritten.
} ferry_weight_gradient;

/// m += (g − m)·rest_1    v += (g² − v)·rest_2    w −= m·alpha / (√v + epsilon), where with `largest_v` the largest v
/// so far divides (Kingma & Ba 2015; Reddi et al. 2018).
typedef struct ferry_adam {
    size_t count;
    const float *gradient; ///< g
    const float *squares;  ///< What stands for g², or NULL for g² itself.
    float *w, *m, *v;
    float *largest_v; ///< Or NULL.
    float rest_1, rest_2, alpha, epsilon;
} ferry_adam;

/// Whether the derivative of an activation needs its argument and not only its value.
int32_t ferry_activation_needs_input(ferry_activation activation);

/// d activation/dx in double at `x`, the plain definition.
double ferry_oracle_activation_slope(ferry_activation activation, double x);

#endif
