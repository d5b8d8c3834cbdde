// What the recurrent oracles share.
#ifndef FERRY_ORACLE_RECURRENT_H
#define FERRY_ORACLE_RECURRENT_H

#include "include/ferry_oracle.h"

// Σ row[p]·matrix[p, column] for plain row-major weights with `columns` columns.
static inline double oracle_product(const float *row, ferry_weights weights, size_t columns, size_t column) {
    const float *matrix = (const float *)weights.panels;
    double sum = 0;
    for (size_t p = 0; p < weights.depth; p++) sum += (double)row[p] * matrix[p * columns + column];
    return sum;
}

// x + input·W for one unit of one gate.
static inline double oracle_input(const ferry_step *s, size_t row, size_t columns, size_t column) {
    double sum = s->x_projection[row * s->x_projection_stride + column];
    return sum + oracle_product(s->input + row * s->input_stride, s->input_weights, columns, column);
}

static inline double oracle_clip(double x, float bound) {
    if (bound <= 0) return x;
    return x < -bound ? -bound : x > bound ? bound : x;
}

void ferry_oracle_lstm_step(const ferry_step *step);
void ferry_oracle_gru_step(const ferry_step *step);
void ferry_oracle_rnn_step(const ferry_step *step);

#endif
