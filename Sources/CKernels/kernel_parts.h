// What the files of one instruction set share with the dispatcher.
#ifndef FERRY_KERNEL_PARTS_H
#define FERRY_KERNEL_PARTS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "include/ferry_kernel_table.h"

extern const ferry_kernel_table ferry_baseline_kernels;
extern const ferry_kernel_table ferry_avx2_kernels;
extern const ferry_kernel_table ferry_avx512_kernels;
extern const ferry_kernel_table ferry_neon_kernels;

#endif
