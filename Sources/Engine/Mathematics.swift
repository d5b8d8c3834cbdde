#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// ln x.
package func logarithm(_ x: Double) -> Double { log(x) }
