/// The right factor of a product, packed for the kernels of one table.
#ifndef FERRY_WEIGHTS_H
#define FERRY_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

/// How packed weights are stored.
typedef enum ferry_weight_format {
    /// [panel of 2·W columns][depth][2·W], W the lanes of a vector.
    FERRY_WEIGHTS_FLOAT32 = 0,
    /// [panel][pair of rows][2·W][2], the upper halves of floats, rounded to nearest even.
    FERRY_WEIGHTS_BFLOAT16 = 1,
    /// The same with integers −127…127 and one scale for each column. What is multiplied with them is rounded, too: each
    /// row by itself, to so many bits (14 at most) that its sums are exact in 32-bit integers.
    FERRY_WEIGHTS_INT8 = 2
} ferry_weight_format;

/// B [depth, columns].
typedef struct ferry_weights {
    const void *panels;
    const float *scales; ///< INT8: [columns]
    size_t depth;        ///< Rows of B: the length of what it is multiplied with.
    int32_t format;      ///< A `ferry_weight_format`.
} ferry_weights;

#endif
