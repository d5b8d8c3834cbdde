// The kernels for x86-64 with AVX-512: sixteen lanes, thirty-two registers.
#include "kernel_parts.h"

#if defined(__x86_64__)

#define FERRY_WIDTH 16
#define FERRY_REGISTERS 32
#define FERRY_FUSED 1
#define FERRY_TABLE ferry_avx512_kernels
#define FERRY_TABLE_ISA FERRY_ISA_AVX512
#define FERRY_TABLE_NAME "avx512"

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#include "kernel_body/kernels.h"
#pragma clang attribute pop

#endif
