/// Counts what a program asks the heap for.
#ifndef FERRY_CALLOCATIONS_H
#define FERRY_CALLOCATIONS_H

#include <stdint.h>

/// How often this thread has asked for memory since it began; −1 where nobody counts, which is everywhere but on glibc.
///
/// A program that links this has the allocation functions of the C library replaced by ones that count and pass on.
int64_t ferry_allocation_count(void);

#endif
