#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// ln x.
func logarithm(_ x: Double) -> Double { log(x) }
