// The kernels for arm64, where NEON and fused multiply-add are always there.
#include "kernel_parts.h"

#if defined(__aarch64__)

#define FERRY_WIDTH 4
#define FERRY_REGISTERS 32
#define FERRY_FUSED 1
#define FERRY_TABLE ferry_neon_kernels
#define FERRY_TABLE_ISA FERRY_ISA_NEON
#define FERRY_TABLE_NAME "neon"

#include "kernel_body/kernels.h"

#endif
