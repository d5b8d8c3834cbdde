/// One time step of an LSTM, a GRU or a simple recurrent layer over a batch of independent rows.
///
/// Common to the three: `x_projection` is X·W + bias for this step, computed for the whole
/// sequence beforehand; or, when `inputs` is not zero, only the bias (stride 0 shares one row) and
/// the step itself adds input·W, which suits a stream of single steps. Weights are packed by the
/// `recurrent_pack` or `gru_pack` of the table that runs the step: tables differ in layout.
///
/// Strides are floats between rows, so `h` may point into an output sequence [rows, time, hidden].
/// Outputs must not overlap inputs, except that `c` may be exactly `c_prev` with the same stride.
///
/// A pre-activation is one chain of multiply-adds that starts from `x_projection`, with the error of
/// `gemm`; the activations have the errors stated in ferry_activation.h.
///
/// Zero a step, then set its fields: zero means "not asked for" wherever a field is optional, which
/// its comment says. (The pointers carry no nullability so that Swift can zero-initialise a step.)
#ifndef FERRY_RECURRENT_H
#define FERRY_RECURRENT_H

#include <stddef.h>
#include <stdint.h>

#include "ferry_activation.h"

/// LSTM, gates in Keras order i, f, g, o (https://onnx.ai/onnx/operators/onnx__LSTM.html with
/// P the peepholes; keras/src/layers/rnn/lstm.py `LSTMCell.call`):
///
///     i = f(clip(x_i + h_prev·U_i + P_i⊙c_prev))     f = f(clip(x_f + h_prev·U_f + P_f⊙c_prev))
///     g = g(clip(x_g + h_prev·U_g))                  c = f⊙c_prev + i⊙g
///     o = f(clip(x_o + h_prev·U_o + P_o⊙c))          h = o⊙h(c)
///
/// `gates` receives i, f, g, o after activation.
typedef struct ferry_lstm_step {
    size_t rows;                           ///< Independent sequences in this step.
    size_t hidden;                         ///< Units.
    const float *x_projection;             ///< [rows, 4·hidden]
    size_t x_projection_stride;            ///< 0 shares one row.
    const float *packed_recurrent;         ///< U [hidden, 4·hidden], packed with 4 gates.
    const float *h_prev;                   ///< [rows, hidden]
    size_t h_prev_stride;
    const float *c_prev;                   ///< [rows, hidden]
    size_t c_prev_stride;
    float *h;                              ///< [rows, hidden], written.
    size_t h_stride;
    float *c;                              ///< [rows, hidden], written.
    size_t c_stride;
    size_t inputs;                         ///< Features multiplied inside the step; 0 for none.
    const float *input;                    ///< [rows, inputs]
    size_t input_stride;
    const float *packed_input;             ///< W [inputs, 4·hidden], packed with 4 gates.
    const float *peepholes;                ///< Optional: [3·hidden] in order i, f, o.
    float *gates;                          ///< Optional, for training: [rows, 4·hidden].
    size_t gates_stride;
    ferry_activation recurrent_activation; ///< f: gates i, f and o.
    ferry_activation activation;           ///< g: the candidate.
    ferry_activation cell_activation;      ///< h: the cell on its way out.
    float clip;                            ///< Bound of |pre-activation|; 0 for none. Never clips c.
    int32_t input_forget;                  ///< Not 0 couples the gates: f = 1 − i.
} ferry_lstm_step;

/// GRU, gates in Keras order z, r, n (https://onnx.ai/onnx/operators/onnx__GRU.html;
/// keras/src/layers/rnn/gru.py `GRUCell.call`; b the recurrent bias):
///
///     z = f(clip(x_z + h_prev·U_z + b_z))            r = f(clip(x_r + h_prev·U_r + b_r))
///     reset after:   n = g(clip(x_n + r⊙(h_prev·U_n + b_n)))
///     reset before:  n = g(clip(x_n + (r⊙h_prev)·U_n + b_n))
///     h = z⊙h_prev + (1 − z)⊙n
///
/// `gates` receives [rows, 3·hidden], z, r, n after activation; reset after appends
/// h_prev·U_n + b_n, making it [rows, 4·hidden].
typedef struct ferry_gru_step {
    size_t rows;                           ///< Independent sequences in this step.
    size_t hidden;                         ///< Units.
    const float *x_projection;             ///< [rows, 3·hidden]
    size_t x_projection_stride;            ///< 0 shares one row.
    const float *packed_recurrent;         ///< U [hidden, 3·hidden], by `gru_pack`, same `reset_after`.
    const float *recurrent_bias;           ///< Optional: [3·hidden]
    const float *h_prev;                   ///< [rows, hidden]
    size_t h_prev_stride;
    float *h;                              ///< [rows, hidden], written.
    size_t h_stride;
    size_t inputs;                         ///< Features multiplied inside the step; 0 for none.
    const float *input;                    ///< [rows, inputs]
    size_t input_stride;
    const float *packed_input;             ///< W [inputs, 3·hidden], by `gru_pack`, same `reset_after`.
    float *scratch;                        ///< [rows, hidden], overwritten; needed by reset before only.
    float *gates;                          ///< Optional, for training; see above.
    size_t gates_stride;
    ferry_activation recurrent_activation; ///< f: gates z and r.
    ferry_activation activation;           ///< g: the candidate.
    float clip;                            ///< Bound of |pre-activation|; 0 for none.
    int32_t reset_after;                   ///< Keras `reset_after`, ONNX `linear_before_reset`.
} ferry_gru_step;

/// Simple recurrent layer (https://onnx.ai/onnx/operators/onnx__RNN.html;
/// keras/src/layers/rnn/simple_rnn.py):
///
///     h = f(clip(x + h_prev·U))
typedef struct ferry_rnn_step {
    size_t rows;                   ///< Independent sequences in this step.
    size_t hidden;                 ///< Units.
    const float *x_projection;     ///< [rows, hidden]
    size_t x_projection_stride;    ///< 0 shares one row.
    const float *packed_recurrent; ///< U [hidden, hidden], packed with 1 gate.
    const float *h_prev;           ///< [rows, hidden]
    size_t h_prev_stride;
    float *h;                      ///< [rows, hidden], written.
    size_t h_stride;
    size_t inputs;                 ///< Features multiplied inside the step; 0 for none.
    const float *input;            ///< [rows, inputs]
    size_t input_stride;
    const float *packed_input;     ///< W [inputs, hidden], packed with 1 gate.
    ferry_activation activation;   ///< f.
    float clip;                    ///< Bound of |pre-activation|; 0 for none.
} ferry_rnn_step;

#endif
