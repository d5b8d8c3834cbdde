/// A promise that the compiler checks.
#ifndef FERRY_REALTIME_H
#define FERRY_REALTIME_H

/// Marks a function that never allocates, locks or waits. Clang 20 and later check that such a function calls only its
/// like (`-Wfunction-effects`), and their realtime sanitizer checks it again at run time. Swift does not see it.
#if defined(__clang__) && !defined(__swift__) && __has_attribute(nonblocking)
#define FERRY_REALTIME __attribute__((nonblocking))
#pragma clang diagnostic error "-Wfunction-effects"
#else
#define FERRY_REALTIME
#endif

#endif
