/// Numbers that never change once made, aligned for the widest vector registers.
// Written by `initialize` only, before anybody else sees the object.
final class AlignedFloats: @unchecked Sendable {
    let base: UnsafePointer<Float>
    private let memory: UnsafeMutableRawPointer

    /// `count` numbers, zero where `initialize` writes nothing.
    init(count: Int, initialize: (UnsafeMutablePointer<Float>) -> Void) {
        let byteCount = max(count, 1) * MemoryLayout<Float>.stride
        memory = .allocate(byteCount: byteCount, alignment: 64)
        let floats = memory.initializeMemory(as: Float.self, repeating: 0, count: max(count, 1))
        initialize(floats)
        base = UnsafePointer(floats)
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
}
