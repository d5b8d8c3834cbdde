// The kernels for whatever CPU the compiler targets: four lanes, no fused multiply-add assumed.
#include "kernel_parts.h"

#define FERRY_WIDTH 4
#define FERRY_REGISTERS 16
#define FERRY_FUSED 0
#define FERRY_TABLE ferry_baseline_kernels
#define FERRY_TABLE_ISA FERRY_ISA_BASELINE
#define FERRY_TABLE_NAME "baseline"

#include "kernel_body/kernels.h"
