/// Numbers in memory aligned for the widest vector registers, written and read through its pointer.
package final class FloatBuffer {
    /// The first number.
    package let base: UnsafeMutablePointer<Float>
    /// How many there are.
    package let count: Int
    private let memory: UnsafeMutableRawPointer

    /// `count` numbers of no particular value.
    package init(uninitialized count: Int) {
        self.count = count
        memory = .allocate(byteCount: max(count, 1) * MemoryLayout<Float>.stride, alignment: 64)
        base = memory.bindMemory(to: Float.self, capacity: max(count, 1))
    }

    /// `count` zeros.
    package convenience init(zeros count: Int) {
        self.init(uninitialized: count)
        base.update(repeating: 0, count: count)
    }

    /// A copy of a float32 tensor's elements.
    package convenience init(_ tensor: Tensor) {
        self.init(uninitialized: tensor.count)
        tensor.withUnsafeElements { (source: UnsafeBufferPointer<Float>) in
            if let from = source.baseAddress { base.update(from: from, count: source.count) }
        }
    }

    deinit { memory.deallocate() }

    /// The numbers as a tensor.
    package func tensor(_ shape: [Int]) -> Tensor {
        Tensor(shape: shape, of: Float.self) { target in
            if let to = target.baseAddress { to.update(from: base, count: min(count, target.count)) }
        }
    }
}
