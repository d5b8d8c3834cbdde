internal import CKernels

/// The vector kernels of one instruction set.
///
/// What is packed for one set can only be run by the same; see ``PackedMatrix`` and ``PackedRecurrence``.
// The table is immutable and lives as long as the process.
package struct Kernels: @unchecked Sendable, CustomStringConvertible {
    let table: UnsafePointer<ferry_kernel_table>

    init(_ table: UnsafePointer<ferry_kernel_table>) { self.table = table }

    /// The fastest kernels that this processor runs.
    package static let best = Kernels(ferry_kernels())

    /// Every set of kernels that this processor runs, slowest first.
    package static let available: [Kernels] = [
        FERRY_ISA_BASELINE, FERRY_ISA_NEON, FERRY_ISA_AVX2, FERRY_ISA_AVX512,
    ].compactMap { ferry_kernels_for($0).map(Kernels.init) }

    /// The name of the instruction set, such as `avx2`.
    package var description: String { String(cString: table.pointee.name) }

    /// Overwrites numbers with a function of them.
    package func apply(_ activation: KernelActivation, to line: UnsafeMutableBufferPointer<Float>) {
        guard let base = line.baseAddress else { return }
        table.pointee.activate(activation.c, base, base, line.count)
    }

    /// Runs `body` while this thread takes numbers below 2⁻¹²⁶ for zero: a recurrence that decays to silence would
    /// otherwise fill its states with them, and each costs some processors a hundred cycles.
    package static func flushingDenormals<Result>(_ body: () throws -> Result) rethrows -> Result {
        let saved = ferry_flush_denormals_begin()
        defer { ferry_flush_denormals_end(saved) }
        return try body()
    }
}
