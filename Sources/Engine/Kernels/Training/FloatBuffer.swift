/// Numbers in memory aligned for the widest vector registers, written and read through its pointer.
package final class FloatBuffer {
    /// The first number.
    package let base: UnsafeMutablePointer<Float>
    /// How many there are.
    package let count: Int
    private let memory: UnsafeMutableRawPointer
    private let pool: FloatPool?

    /// `count` numbers of no particular value, from `pool` where one is given.
    package init(uninitialized count: Int, pool: FloatPool? = nil) {
        self.count = count
        self.pool = pool
        memory = pool?.take(count) ?? FloatPool.allocate(count)
        base = memory.bindMemory(to: Float.self, capacity: max(count, 1))
    }

    /// `count` zeros.
    package convenience init(zeros count: Int, pool: FloatPool? = nil) {
        self.init(uninitialized: count, pool: pool)
        base.update(repeating: 0, count: count)
    }

    /// A copy of a float32 tensor's elements.
    package convenience init(_ tensor: Tensor, pool: FloatPool? = nil) {
        self.init(uninitialized: tensor.count, pool: pool)
        tensor.withUnsafeElements { (source: UnsafeBufferPointer<Float>) in
            if let from = source.baseAddress { base.update(from: from, count: source.count) }
        }
    }

    deinit {
        if let pool { pool.giveBack(memory, count) } else { memory.deallocate() }
    }

    /// The numbers as a tensor.
    package func tensor(_ shape: [Int]) -> Tensor {
        Tensor(shape: shape, of: Float.self) { target in
            if let to = target.baseAddress { to.update(from: base, count: min(count, target.count)) }
        }
    }
}

/// Memory that was let go of and waits for the next taker.
///
/// A training step asks for the same lengths as the step before, and new pages from the system cost more than what a
/// kernel then writes to them. For one thread at a time.
package final class FloatPool {
    /// Free memory by the length that it was made for.
    private var free: [Int: [UnsafeMutableRawPointer]] = [:]

    /// An empty pool.
    package init() {}

    deinit { for memory in free.values.joined() { memory.deallocate() } }

    fileprivate func take(_ count: Int) -> UnsafeMutableRawPointer {
        let length = Self.length(for: count)
        return free[length]?.popLast() ?? Self.allocate(length)
    }

    fileprivate func giveBack(_ memory: UnsafeMutableRawPointer, _ count: Int) {
        free[Self.length(for: count), default: []].append(memory)
    }

    fileprivate static func allocate(_ count: Int) -> UnsafeMutableRawPointer {
        .allocate(byteCount: max(count, 1) * MemoryLayout<Float>.stride, alignment: 64)
    }

    /// `count` rounded up to a quarter of a power of two, so that sequences of many lengths share what few lengths need.
    private static func length(for count: Int) -> Int {
        let step = max(1 << (Int.bitWidth - max(count, 1).leadingZeroBitCount - 3), 16)
        return (count + step - 1) / step * step
    }
}
