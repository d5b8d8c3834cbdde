// What the three recurrent oracles share.
#ifndef FERRY_ORACLE_RECURRENT_H
#define FERRY_ORACLE_RECURRENT_H

#include "include/ferry_oracle.h"

// Σ row[p]·matrix[p, column] for a row-major matrix [depth, columns].
static inline double oracle_product(const float *row, size_t depth, const float *matrix,
                                    size_t columns, size_t column) {
    double sum = 0;
    for (size_t p = 0; p < depth; p++) sum += (double)row[p] * matrix[p * columns + column];
    return sum;
}

static inline double oracle_clip(double x, float bound) {
    if (bound <= 0) return x;
    return x < -bound ? -bound : x > bound ? bound : x;
}

#endif
