/// Flush-to-zero mode of the calling thread.
#ifndef FERRY_DENORMALS_H
#define FERRY_DENORMALS_H

#include <stdint.h>

#include "ferry_realtime.h"

/// Makes this thread treat denormal floats as zero (x86: MXCSR FTZ and DAZ; arm64: FPCR FZ) and
/// returns the previous control register for `ferry_flush_denormals_end`.
///
/// A recurrence that decays to silence fills its state with denormals, which cost some CPUs more
/// than a hundred cycles an operation. On other architectures this does nothing and returns 0.
uint64_t ferry_flush_denormals_begin(void) FERRY_REALTIME;

/// Restores what `ferry_flush_denormals_begin` returned. Must run on the same thread.
void ferry_flush_denormals_end(uint64_t saved) FERRY_REALTIME;

#endif
