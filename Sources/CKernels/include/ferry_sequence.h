/// A recurrence over whole sequences.
#ifndef FERRY_SEQUENCE_H
#define FERRY_SEQUENCE_H

#include <stddef.h>
#include <stdint.h>

#include "ferry_kernel_table.h"
#include "ferry_recurrent.h"
#include "ferry_team.h"

/// Carries the states of a cell over the time axis of a batch, as Keras's `backend.rnn` does.
///
/// A masked step keeps the states of its row. Its output is the row's last output, or zeros where there is none yet or
/// `zero_output_for_mask` asks for them.
///
/// Strides are numbers of elements. Zero a sequence, then set its fields; `step` holds what the cell is (cell, hidden,
/// weights, input_weights, biases, activations), the walk fills in the rest.
typedef struct ferry_sequence {
    const ferry_kernel_table *table;
    ferry_step step;
    const float *bias;             ///< [columns], what every row of x·W starts from.
    size_t batch, time, features;
    const float *x;                ///< [batch, time, features] by the two strides, features side by side.
    size_t x_row_stride, x_time_stride;
    const uint8_t *mask;           ///< Optional: [batch, time] by the two strides; 0 hides a step.
    size_t mask_row_stride, mask_time_stride;
    float *output;                 ///< Every step's h, or the last one only; optional if there is no mask.
    size_t output_row_stride;
    ptrdiff_t output_time_stride;  ///< 0 where only the last output is wanted; negative to turn it around.
    float *h, *c;                  ///< States [batch, hidden]: before the first step, then after the last; c: LSTM.
    int32_t go_backwards;          ///< Not 0 runs from the last step to the first; outputs come in that order.
    int32_t zero_output_for_mask;
    int32_t begins_with_state;     ///< Not 0 takes the states before the first step for a first output.
    /// Optional: threads that share the rows of the batch, or the units of each step where there are few rows and many
    /// units. The numbers do not depend on it.
    ferry_team *team;
    float *workspace;              ///< `ferry_sequence_workspace` floats, aligned to 64 bytes, overwritten.
} ferry_sequence;

/// Floats of workspace for the shape, mask and outputs that are set.
size_t ferry_sequence_workspace(const ferry_sequence *sequence) FERRY_REALTIME;

/// Runs it, with denormals flushed.
void ferry_sequence_run(const ferry_sequence *sequence) FERRY_REALTIME;

#endif
