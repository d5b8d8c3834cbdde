// The matrix product, three loops and a sum in double.
#include "include/ferry_oracle.h"

void ferry_oracle_gemm(size_t m, size_t n, size_t k, const float *a, size_t a_row_stride,
                       size_t a_column_stride, const float *b, size_t b_row_stride,
                       size_t b_column_stride, float *c, size_t c_row_stride, const float *bias,
                       int32_t accumulate) {
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            float *target = c + i * c_row_stride + j;
            double sum = (bias ? (double)bias[j] : 0) + (accumulate ? (double)*target : 0);
            for (size_t p = 0; p < k; p++) {
                double left = a[i * a_row_stride + p * a_column_stride];
                sum += left * b[p * b_row_stride + j * b_column_stride];
            }
            *target = (float)sum;
        }
    }
}
