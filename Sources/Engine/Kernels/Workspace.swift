/// Scratch memory of one call.
package enum Workspace {
    /// Calls `body` with `count` uninitialised floats, aligned to 64 bytes.
    package static func withFloats<Result>(
        _ count: Int, _ body: (UnsafeMutablePointer<Float>) throws -> Result
    ) rethrows -> Result {
        let count = max(count, 1)
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: count * MemoryLayout<Float>.stride, alignment: 64)
        defer { memory.deallocate() }
        return try body(memory.bindMemory(to: Float.self, capacity: count))
    }
}
