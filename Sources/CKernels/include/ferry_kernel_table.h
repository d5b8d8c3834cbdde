/// The kernels of one instruction set, and the choice among them.
#ifndef FERRY_KERNEL_TABLE_H
#define FERRY_KERNEL_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "ferry_activation.h"
#include "ferry_realtime.h"
#include "ferry_recurrent.h"
#include "ferry_training.h"

#pragma clang assume_nonnull begin

/// The instruction sets the kernels are compiled for, slowest first.
typedef enum ferry_isa {
    FERRY_ISA_BASELINE = 0, ///< Four lanes, what the compiler assumes of every CPU of the target.
    FERRY_ISA_NEON = 1,     ///< arm64, four lanes with fused multiply-add.
    FERRY_ISA_AVX2 = 2,     ///< x86-64, eight lanes, AVX2 and FMA.
    FERRY_ISA_AVX512 = 3    ///< x86-64, sixteen lanes, AVX-512 F, BW, DQ and VL.
} ferry_isa;

/// Every kernel, for one instruction set. Immutable; may be used by any number of threads.
typedef struct ferry_kernel_table {
    ferry_isa isa;
    const char *name; ///< "avx2" and so on, for logs and test names.
    size_t width;     ///< Lanes of one vector, W below.

    /// y[i] = activation(x[i]) for i < n. `y` may be `x`; other overlap is not allowed.
    void (*activate)(ferry_activation activation, const float *x, float *y, size_t n) FERRY_REALTIME;

    // Packed matrix product: C [m, n] = A [m, k] · B [k, n].

    /// Floats that `gemm_pack` writes for B [k, n]: k times n rounded up to a whole panel.
    size_t (*gemm_packed_floats)(size_t k, size_t n);

    /// Packs B [k, n], element (p, j) at b[p·row_stride + j·column_stride], into column panels
    /// padded with zeros. Swapped strides pack a transposed source.
    void (*gemm_pack)(size_t k, size_t n, const float *b, size_t row_stride, size_t column_stride,
                      float *packed);

    /// C = A·B + bias, or C += A·B + bias when `accumulate` is not 0.
    ///
    /// A [m, k] has element (i, p) at a[i·a_row_stride + p·a_column_stride]; column stride 1 is
    /// the fast case, row stride 1 is a transposed A. C [m, n] has row stride `c_row_stride`;
    /// `bias` is [n] or NULL. C must not overlap anything else.
    /// Each element is one chain of multiply-adds in the order of k that starts from
    /// C (if accumulating) plus bias, hence |error| ≤ (k + 2)·2^-24·(Σ|a·b| + |bias| + |C|).
    void (*gemm)(size_t m, size_t n, size_t k, const float *a, size_t a_row_stride,
                 size_t a_column_stride, const float *packed_b, float *c, size_t c_row_stride,
                 const float *_Nullable bias, int32_t accumulate) FERRY_REALTIME;

    // Weights in fewer bits. See ferry_weights.h.

    /// Bytes that packed weights [depth, columns] take in a format; columns are whole panels.
    size_t (*weights_bytes)(int32_t format, size_t depth, size_t columns);

    /// Puts weights that `gemm_pack` or `cell_pack` packed into another format. `scales` receives
    /// [columns] for INT8.
    void (*weights_compress)(int32_t format, size_t depth, size_t columns, const float *packed, void *result,
                             float *_Nullable scales);

    /// C = A·B + bias as `gemm` does, for packed B of any format; `columns` are whole panels. `space`
    /// holds 48·(depth/2 + 2) floats for INT8.
    void (*product)(size_t m, size_t columns, const float *a, size_t a_row_stride, const ferry_weights *weights,
                    float *c, size_t c_row_stride, const float *_Nullable bias, float *_Nullable space) FERRY_REALTIME;

    // Recurrent steps. See ferry_recurrent.h; `cell` is a `ferry_cell`.

    /// The columns of a cell with so many units.
    size_t (*cell_columns)(int32_t cell, size_t hidden) FERRY_REALTIME;

    /// Packs a kernel [k, gates·hidden], gate after gate, element (p, j) at
    /// kernel[p·row_stride + j·column_stride], into k·`cell_columns` floats. With k = 1 this puts a
    /// bias into the order of the columns.
    void (*cell_pack)(int32_t cell, size_t hidden, size_t k, const float *kernel, size_t row_stride,
                      size_t column_stride, float *packed);

    /// Floats of scratch that a step over so many rows needs.
    size_t (*cell_scratch_floats)(const ferry_step *step, size_t rows) FERRY_REALTIME;

    void (*cell_step)(const ferry_step *step) FERRY_REALTIME; ///< See `ferry_step`.

    // Training.

    /// dx[i] = dy[i] · activation′ at y[i] = activation(x[i]); `x` may be NULL where the kind does not need it.
    /// `dx` may be `dy`.
    void (*activate_backward)(ferry_activation activation, const float *_Nullable x, const float *y,
                              const float *dy, float *dx, size_t n);
    void (*lstm_forward)(const ferry_lstm_training *step);  ///< See `ferry_lstm_training`.
    void (*lstm_backward)(const ferry_lstm_training *step);
    void (*gru_after_forward)(const ferry_gru_training *step); ///< See `ferry_gru_training`.
    void (*gru_after_backward)(const ferry_gru_training *step);
    void (*gru_before_gates_forward)(const ferry_gru_training *step);
    void (*gru_before_output_forward)(const ferry_gru_training *step);
    void (*gru_before_output_backward)(const ferry_gru_training *step);
    void (*gru_before_gates_backward)(const ferry_gru_training *step);
    void (*weight_gradient)(const ferry_weight_gradient *products); ///< See `ferry_weight_gradient`.
    size_t (*weight_gradient_floats)(size_t rows, size_t columns);  ///< Its workspace.
    void (*adam)(const ferry_adam *update);                         ///< See `ferry_adam`.

    // Elementwise and reductions over n floats. `y` may be `a` or `b`; other overlap is not allowed.

    void (*add)(const float *a, const float *b, float *y, size_t n) FERRY_REALTIME;      ///< y = a + b
    void (*multiply)(const float *a, const float *b, float *y, size_t n) FERRY_REALTIME; ///< y = a ⊙ b
    void (*add_scaled)(float scale, const float *a, float *y, size_t n) FERRY_REALTIME;  ///< y += scale·a
    void (*scale)(float scale, const float *a, float *y, size_t n) FERRY_REALTIME;       ///< y = scale·a
    float (*sum)(const float *a, size_t n) FERRY_REALTIME;                               ///< Σ a, 0 when n is 0
    float (*dot)(const float *a, const float *b, size_t n) FERRY_REALTIME;               ///< Σ a·b, 0 when n is 0
    float (*maximum)(const float *a, size_t n) FERRY_REALTIME; ///< max a, −infinity when n is 0; NaN if any is NaN
    /// Adds `row` [columns] to each of `rows` rows of y, `y_stride` floats apart.
    void (*add_row)(const float *row, float *y, size_t rows, size_t columns, size_t y_stride) FERRY_REALTIME;
} ferry_kernel_table;

/// The fastest table this CPU can run. The choice is made once; the call is then one load.
const ferry_kernel_table *ferry_kernels(void);

/// The table of one instruction set, or NULL if this CPU or this build lacks it.
const ferry_kernel_table *_Nullable ferry_kernels_for(ferry_isa isa);

#pragma clang assume_nonnull end

#endif
