#if canImport(Glibc)
import Glibc
#endif

/// Numbers that never change once made, aligned for the widest vector registers.
// Written by `initialize` and by the one who made it only, before anybody else sees the object.
final class AlignedFloats: @unchecked Sendable {
    var base: UnsafePointer<Float> { UnsafePointer(mutable) }
    let mutable: UnsafeMutablePointer<Float>
    private let memory: UnsafeMutableRawPointer

    /// `count` numbers, zero where `initialize` writes nothing.
    init(count: Int, initialize: (UnsafeMutablePointer<Float>) -> Void) {
        memory = Self.allocate(byteCount: max(count, 1) * MemoryLayout<Float>.stride)
        mutable = memory.initializeMemory(as: Float.self, repeating: 0, count: max(count, 1))
        initialize(mutable)
    }

    /// A copy of a float32 tensor's elements.
    convenience init(_ tensor: Tensor) {
        self.init(count: tensor.count) { target in
            tensor.withUnsafeElements { (source: UnsafeBufferPointer<Float>) in
                if let from = source.baseAddress { target.update(from: from, count: source.count) }
            }
        }
    }

    deinit { memory.deallocate() }

    /// Weights beyond the second-level cache are read page after page: large pages save looking up where they are.
    private static func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
        let largePage = 1 << 21
        guard byteCount >= largePage else { return .allocate(byteCount: byteCount, alignment: 64) }
        let whole = (byteCount + largePage - 1) & ~(largePage - 1)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: whole, alignment: largePage)
        #if canImport(Glibc)
        madvise(memory, whole, 14)  // MADV_HUGEPAGE; a refusal changes nothing but speed.
        #endif
        return memory
    }
}
