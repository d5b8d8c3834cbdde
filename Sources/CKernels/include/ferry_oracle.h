/// Scalar oracles: the same meaning as the kernels, written for reading.
///
/// They compute in double with libm and round once at the end (the steps also round each state),
/// take unpacked weights, and are what the fast paths are tested against. Never call one where
/// time matters.
#ifndef FERRY_ORACLE_H
#define FERRY_ORACLE_H

#include <stddef.h>
#include <stdint.h>

#include "ferry_activation.h"
#include "ferry_recurrent.h"

#pragma clang assume_nonnull begin

/// activation(x) in double.
double ferry_oracle_activation(ferry_activation activation, double x);

/// y[i] = activation(x[i]) for i < n. `y` may be `x`.
void ferry_oracle_activate(ferry_activation activation, const float *x, float *y, size_t n);

/// C [m, n] = A [m, k] · B [k, n] + bias, plus C when `accumulate` is not 0. Strides as in the
/// table's `gemm` and `gemm_pack`; nothing is packed.
void ferry_oracle_gemm(size_t m, size_t n, size_t k, const float *a, size_t a_row_stride,
                       size_t a_column_stride, const float *b, size_t b_row_stride,
                       size_t b_column_stride, float *c, size_t c_row_stride,
                       const float *_Nullable bias, int32_t accumulate);

/// The step with plain row-major weights [k, gates·hidden], gate after gate as Keras stores them; rows of
/// `x_projection` and biases are in that order, too. `scratch` holds [rows, hidden].
void ferry_oracle_step(const ferry_step *step);

#pragma clang assume_nonnull end

#endif
