internal import CKernels

/// Threads that work on one call together. Only one call may use a team at a time.
// The C side starts the threads once and ends them once; it is used through a plan, whose owner runs one call at a time.
package final class KernelTeam: @unchecked Sendable {
    let c: OpaquePointer

    /// A team of `count` threads, the calling one included; nil for one, and where the system gives no more.
    package init?(threads count: Int) {
        guard count > 1, let team = ferry_team_create(count) else { return nil }
        c = team
    }

    deinit { ferry_team_destroy(c) }
}
