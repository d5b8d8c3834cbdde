/// Scratch memory of one run.
///
/// The one place where running a packed operator asks for memory beside its outputs, so that a plan can later hand out
/// the same memory again and again.
package enum Workspace {
    /// Calls `body` with uninitialised regions of the given numbers of floats, each aligned to 64 bytes.
    package static func withFloats<Result>(
        _ counts: [Int], _ body: ([UnsafeMutablePointer<Float>]) throws -> Result
    ) rethrows -> Result {
        let padded = counts.map { ($0 + 15) & ~15 }
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: max(padded.reduce(0, +), 1) * MemoryLayout<Float>.stride, alignment: 64)
        defer { memory.deallocate() }
        var next = memory.bindMemory(to: Float.self, capacity: padded.reduce(0, +))
        return try body(
            padded.map { count in
                defer { next += count }
                return next
            })
    }
}
