// Chooses the table for this CPU.
#include "kernel_parts.h"

static int cpu_has(ferry_isa isa) {
    switch (isa) {
    case FERRY_ISA_BASELINE: return 1;
#if defined(__x86_64__)
    case FERRY_ISA_AVX2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case FERRY_ISA_AVX512:
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
#if defined(__aarch64__)
    case FERRY_ISA_NEON: return 1;
#endif
    default: return 0;
    }
}

const ferry_kernel_table *ferry_kernels_for(ferry_isa isa) {
#if defined(__x86_64__)
    __builtin_cpu_init();
#endif
    if (!cpu_has(isa)) return NULL;
    switch (isa) {
#if defined(__x86_64__)
    case FERRY_ISA_AVX2: return &ferry_avx2_kernels;
    case FERRY_ISA_AVX512: return &ferry_avx512_kernels;
#endif
#if defined(__aarch64__)
    case FERRY_ISA_NEON: return &ferry_neon_kernels;
#endif
    default: return &ferry_baseline_kernels;
    }
}

const ferry_kernel_table *ferry_kernels(void) {
    // Two threads may both choose; they choose the same, so no lock is needed.
    static _Atomic(const ferry_kernel_table *) chosen;
    const ferry_kernel_table *table = __c11_atomic_load(&chosen, __ATOMIC_RELAXED);
    if (table) return table;
    for (int isa = FERRY_ISA_AVX512; !table; isa--) table = ferry_kernels_for((ferry_isa)isa);
    __c11_atomic_store(&chosen, table, __ATOMIC_RELAXED);
    return table;
}
