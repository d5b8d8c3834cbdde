/// One time step of an LSTM, a GRU or a simple recurrent layer over a batch of independent rows.
///
/// The columns of a cell. Kernels work on the gates of a block of W units at once, W the lanes of a vector. So each row
/// of sums is laid out as [block][gate][W], padded with zeros to whole panels: LSTM i, f, g, o; GRU z, r, n where the
/// reset gate acts after the product, else z, r of all units and then n of all units; simple one gate. `cell_columns`
/// of a table says how long such a row is and `cell_pack` puts weights into that order. Tables differ in W, so what one
/// table packed, another cannot run.
///
/// `x_projection` is X·W + bias for this step in those columns, computed for the whole sequence beforehand; or, when
/// `input_weights.depth` is not zero, only the bias (stride 0 shares one row) and the step itself adds input·W, which
/// suits a stream of single steps.
///
/// Strides are floats between rows, so `h` may point into an output sequence [rows, time, hidden].
/// Outputs must not overlap inputs, except that `c` may be exactly `c_prev` with the same stride.
///
/// A pre-activation is one chain of multiply-adds in the order of k, with the error of `gemm`; the activations have the
/// errors stated in ferry_activation.h.
///
/// Zero a step, then set its fields: zero means "not asked for" wherever a field is optional, which
/// its comment says. (The pointers carry no nullability so that Swift can zero-initialise a step.)
#ifndef FERRY_RECURRENT_H
#define FERRY_RECURRENT_H

#include <stddef.h>
#include <stdint.h>

#include "ferry_activation.h"
#include "ferry_weights.h"

/// The kinds of recurrent cells.
typedef enum ferry_cell {
    /// Gates in Keras order i, f, g, o (https://onnx.ai/onnx/operators/onnx__LSTM.html with P the peepholes;
    /// keras/src/layers/rnn/lstm.py `LSTMCell.call`):
    ///
    ///     i = f(clip(x_i + h_prev·U_i + P_i⊙c_prev))     f = f(clip(x_f + h_prev·U_f + P_f⊙c_prev))
    ///     g = g(clip(x_g + h_prev·U_g))                  c = f⊙c_prev + i⊙g
    ///     o = f(clip(x_o + h_prev·U_o + P_o⊙c))          h = o⊙h(c)
    ///
    /// `gates` receives i, f, g, o after activation, [rows, 4·hidden].
    FERRY_CELL_LSTM = 0,
    /// Gates in Keras order z, r, n (https://onnx.ai/onnx/operators/onnx__GRU.html with `linear_before_reset`;
    /// keras/src/layers/rnn/gru.py `GRUCell.call` with `reset_after`; b the recurrent bias):
    ///
    ///     z = f(clip(x_z + h_prev·U_z + b_z))            r = f(clip(x_r + h_prev·U_r + b_r))
    ///     n = g(clip(x_n + r⊙(h_prev·U_n + b_n)))        h = z⊙h_prev + (1 − z)⊙n
    ///
    /// `gates` receives z, r, n after activation, then h_prev·U_n + b_n: [rows, 4·hidden].
    FERRY_CELL_GRU_RESET_AFTER = 1,
    /// The same, but n = g(clip(x_n + (r⊙h_prev)·U_n + b_n)). `gates` receives z, r, n: [rows, 3·hidden].
    FERRY_CELL_GRU_RESET_BEFORE = 2,
    /// h = g(clip(x + h_prev·U)) (https://onnx.ai/onnx/operators/onnx__RNN.html;
    /// keras/src/layers/rnn/simple_rnn.py). Has no `gates`.
    FERRY_CELL_SIMPLE = 3,
    FERRY_CELL_COUNT = 4
} ferry_cell;

/// One step. "Columns" are those of the cell, see above.
typedef struct ferry_step {
    int32_t cell;                          ///< A `ferry_cell`.
    int32_t backwards;                     ///< Not 0 visits the units from the last to the first; same numbers.
    size_t part, parts;                    ///< Computes share `part` of `parts` of the units; 0 of 0 for all.
    size_t rows;                           ///< Independent sequences in this step.
    size_t hidden;                         ///< Units.
    const float *x_projection;             ///< [rows, columns]
    size_t x_projection_stride;            ///< 0 shares one row.
    ferry_weights weights;                 ///< U [hidden, columns]
    const float *recurrent_bias;           ///< Optional, GRU: [columns]
    const float *h_prev;                   ///< [rows, hidden]
    size_t h_prev_stride;
    const float *c_prev;                   ///< LSTM: [rows, hidden]
    size_t c_prev_stride;
    float *h;                              ///< [rows, hidden], written.
    size_t h_stride;
    float *c;                              ///< LSTM: [rows, hidden], written.
    size_t c_stride;
    const float *input;                    ///< [rows, input_weights.depth]
    size_t input_stride;
    ferry_weights input_weights;           ///< Optional: W [features, columns]
    const float *peepholes;                ///< Optional, LSTM: [3·hidden] in order i, f, o.
    float *gates;                          ///< Optional, for training; see `ferry_cell`.
    size_t gates_stride;
    float *scratch;                        ///< `cell_scratch_floats`, aligned to 64 bytes, overwritten.
    ferry_activation recurrent_activation; ///< f
    ferry_activation activation;           ///< g
    ferry_activation cell_activation;      ///< LSTM: h, of the cell on its way out.
    float clip;                            ///< Bound of |pre-activation|; 0 for none. Never clips c.
    int32_t input_forget;                  ///< LSTM: not 0 couples the gates, f = 1 − i.
} ferry_step;

#endif
