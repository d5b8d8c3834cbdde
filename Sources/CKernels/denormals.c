// Flush-to-zero through the control register of the floating-point unit.
#include "include/ferry_denormals.h"

#if defined(__x86_64__)

enum { flush_to_zero = 0x8000, denormals_are_zero = 0x0040 };

uint64_t ferry_flush_denormals_begin(void) FERRY_REALTIME {
    uint32_t saved = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(saved | flush_to_zero | denormals_are_zero);
    return saved;
}

void ferry_flush_denormals_end(uint64_t saved) FERRY_REALTIME { __builtin_ia32_ldmxcsr((uint32_t)saved); }

#elif defined(__aarch64__)

static const uint64_t flush_to_zero = 1u << 24;

uint64_t ferry_flush_denormals_begin(void) FERRY_REALTIME {
    uint64_t saved;
    __asm__ volatile("mrs %0, fpcr" : "=r"(saved));
    __asm__ volatile("msr fpcr, %0" : : "r"(saved | flush_to_zero));
    return saved;
}

void ferry_flush_denormals_end(uint64_t saved) FERRY_REALTIME {
    __asm__ volatile("msr fpcr, %0" : : "r"(saved));
}

#else

uint64_t ferry_flush_denormals_begin(void) FERRY_REALTIME { return 0; }

void ferry_flush_denormals_end(uint64_t saved) FERRY_REALTIME { (void)saved; }

#endif
