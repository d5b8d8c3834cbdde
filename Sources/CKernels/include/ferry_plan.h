/// Calls laid out beforehand: what a model does for one shape of input, without a decision left to make.
///
/// Every call's arguments point at memory that the plan's owner keeps. Nothing here allocates, locks or blocks.
#ifndef FERRY_PLAN_H
#define FERRY_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "ferry_kernel_table.h"
#include "ferry_sequence.h"

/// One call. `run` gives 0, or another number where the data are beyond what the plan can do.
typedef struct ferry_call {
    int32_t (*run)(const void *arguments) FERRY_REALTIME;
    const void *arguments;
} ferry_call;

/// Makes all calls in order, up to the first that does not give 0; gives what it gave.
int32_t ferry_run_calls(const ferry_call *calls, size_t count) FERRY_REALTIME;

/// `ferry_sequence`.
int32_t ferry_call_sequence(const void *sequence) FERRY_REALTIME;

/// C = activation(A·B + bias), `repeats` times.
typedef struct ferry_product {
    const ferry_kernel_table *table;
    size_t repeats, a_repeat_stride, c_repeat_stride;
    size_t rows, columns;
    const float *a;
    size_t a_row_stride;
    ferry_weights b;             ///< `inner` is its depth.
    const float *bias;           ///< Optional.
    float *space;                ///< For weights of int8: see `product` of the table.
    float *c;
    size_t c_row_stride;
    ferry_activation activation; ///< Linear does nothing.
} ferry_product;
int32_t ferry_call_product(const void *product) FERRY_REALTIME;

/// y = activation(x).
typedef struct ferry_map {
    const ferry_kernel_table *table;
    ferry_activation activation;
    const float *x;
    float *y;
    size_t count;
} ferry_map;
int32_t ferry_call_map(const void *map) FERRY_REALTIME;

/// y[i] = x[source[i]] for 32-bit elements; a negative source gives 0.
typedef struct ferry_pick {
    const uint32_t *x;
    const int32_t *source;
    uint32_t *y;
    size_t count;
} ferry_pick;
int32_t ferry_call_pick(const void *pick) FERRY_REALTIME;

/// Copies bytes.
typedef struct ferry_copy {
    const void *x;
    void *y;
    size_t bytes;
} ferry_copy;
int32_t ferry_call_copy(const void *copy) FERRY_REALTIME;

/// Zeros.
typedef struct ferry_clear {
    float *y;
    size_t count;
} ferry_clear;
int32_t ferry_call_clear(const void *clear) FERRY_REALTIME;

/// y [count, width] = rows of a table by number. Gives 1 where a number is not a row's.
typedef struct ferry_gather {
    const float *rows;
    size_t row_count, width;
    const void *ids;   ///< [count]
    int32_t id_format; ///< 0: float, 4: int32, 8: int64.
    size_t count;
    float *y;
    uint8_t *mask;     ///< Optional: receives whether each number is not 0.
} ferry_gather;
int32_t ferry_call_gather(const void *gather) FERRY_REALTIME;

/// mask [rows] = whether any of x [rows, width] differs from `value`; where none does, y is 0, else x.
typedef struct ferry_masking {
    const float *x;
    float *y;
    uint8_t *mask;
    size_t rows, width;
    float value;
} ferry_masking;
int32_t ferry_call_masking(const void *masking) FERRY_REALTIME;

/// y = x ⊙ scale + offset for every row of x [rows, width].
typedef struct ferry_scaling {
    const float *x, *scale, *offset;
    float *y;
    size_t rows, width;
} ferry_scaling;
int32_t ferry_call_scaling(const void *scaling) FERRY_REALTIME;

/// y = softmax of every row of x [rows, width].
typedef struct ferry_softmax {
    const ferry_kernel_table *table;
    const float *x;
    float *y;
    size_t rows, width;
} ferry_softmax;
int32_t ferry_call_softmax(const void *softmax) FERRY_REALTIME;

/// y = (x − mean) / √(variance + epsilon) ⊙ scale + offset with the statistics of every row of x [rows, width].
typedef struct ferry_normalization {
    const float *x, *scale, *offset; ///< [rows, width], and optionally [width] each.
    float *y;
    size_t rows, width;
    float epsilon;
} ferry_normalization;
int32_t ferry_call_normalization(const void *normalization) FERRY_REALTIME;

/// How two numbers become one.
typedef enum ferry_pairing {
    FERRY_PAIRING_ADD = 0,
    FERRY_PAIRING_SUBTRACT = 1,
    FERRY_PAIRING_MULTIPLY = 2,
    FERRY_PAIRING_MAXIMUM = 3,
    FERRY_PAIRING_MINIMUM = 4
} ferry_pairing;

/// y = (a with b, element by element) · factor. `y` may be `a`.
typedef struct ferry_pair {
    const ferry_kernel_table *table;
    int32_t pairing; ///< A `ferry_pairing`.
    float factor;    ///< 1 leaves the numbers as they are.
    const float *a, *b;
    float *y;
    size_t count;
} ferry_pair;
int32_t ferry_call_pair(const void *pair) FERRY_REALTIME;

/// y [rows, windows, width] = the mean or the largest of the steps of x [rows, steps, width] that each window shows.
typedef struct ferry_pooling {
    const float *x;
    const uint8_t *mask;         ///< Optional: [rows, steps]; 0 hides a step.
    float *y;
    size_t rows, steps, width;
    size_t windows, size, stride;
    size_t before;               ///< How many steps before the sequence the first window begins.
    int32_t averages;
} ferry_pooling;
int32_t ferry_call_pooling(const void *pooling) FERRY_REALTIME;

#endif
