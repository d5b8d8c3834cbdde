// The kernels for x86-64 with AVX2 and FMA: eight lanes, sixteen registers.
#include "kernel_parts.h"

#if defined(__x86_64__)

#define FERRY_WIDTH 8
#define FERRY_REGISTERS 16
#define FERRY_FUSED 1
#define FERRY_TABLE ferry_avx2_kernels
#define FERRY_TABLE_ISA FERRY_ISA_AVX2
#define FERRY_TABLE_NAME "avx2"

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "kernel_body/kernels.h"
#pragma clang attribute pop

#endif
