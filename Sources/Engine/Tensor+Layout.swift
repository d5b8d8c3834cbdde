extension Tensor {
    /// The tensor with its axes in the order `permutation`: axis `i` of the result is axis `permutation[i]` of this.
    public func transposed(_ permutation: [Int]) -> Tensor {
        precondition(permutation.sorted() == Array(0..<rank), "\(permutation) does not permute \(rank) axes")
        let strides = shape.rowMajorStrides
        return gathered(shape: permutation.map { shape[$0] }, strides: permutation.map { strides[$0] }, offset: 0)
    }

    /// The tensor with its elements in reverse order along `axis`.
    public func reversed(axis: Int) -> Tensor {
        sliced(axis: axis, from: shape[axis] - 1, count: shape[axis], step: -1)
    }

    /// `count` elements along `axis`, starting at `start`, `step` apart.
    public func sliced(axis: Int, from start: Int, count: Int, step: Int = 1) -> Tensor {
        var strides = shape.rowMajorStrides
        let offset = count == 0 ? 0 : start * strides[axis]
        strides[axis] *= step
        var result = shape
        result[axis] = count
        return gathered(shape: result, strides: strides, offset: offset)
    }

    /// The tensor with axes of length one stretched to `target`, by NumPy's rule.
    public func broadcast(to target: [Int]) -> Tensor {
        guard target != shape else { return self }
        return gathered(shape: target, strides: broadcastStrides(to: target), offset: 0)
    }

    /// How far apart neighbours lie when this tensor is read with the shape `target`; 0 along stretched axes.
    func broadcastStrides(to target: [Int]) -> [Int] {
        let missing = target.count - rank
        let strides = shape.rowMajorStrides
        return target.indices.map { axis in
            axis < missing || shape[axis - missing] == 1 ? 0 : strides[axis - missing]
        }
    }

    /// A new tensor that reads this one with arbitrary strides (in elements).
    public func gathered(shape target: [Int], strides: [Int], offset: Int) -> Tensor {
        switch dtype.byteCount {
        case 1: gathered(shape: target, strides: strides, offset: offset, as: UInt8.self)
        case 2: gathered(shape: target, strides: strides, offset: offset, as: UInt16.self)
        case 4: gathered(shape: target, strides: strides, offset: offset, as: UInt32.self)
        default: gathered(shape: target, strides: strides, offset: offset, as: UInt64.self)
        }
    }

    private func gathered<Word: BitwiseCopyable>(
        shape target: [Int], strides: [Int], offset: Int, as _: Word.Type
    ) -> Tensor {
        var result = Tensor(zeros: target, dtype: dtype)
        guard result.count > 0 else { return result }
        withUnsafeBytes { source in
            result.withUnsafeMutableBytes { bytes in
                let from = source.bindMemory(to: Word.self)
                let to = bytes.bindMemory(to: Word.self)
                var next = 0
                forEachRow(target, strides, offset) { start, length, stride in
                    for i in 0..<length { to[next + i] = from[start + i * stride] }
                    next += length
                }
            }
        }
        return result
    }

    /// The tensors laid one after another along `axis`; all other axes and the types must agree.
    public static func concatenated(_ tensors: [Tensor], axis: Int) -> Tensor {
        let outer = tensors[0].shape[..<axis].reduce(1, *)
        var shape = tensors[0].shape
        shape[axis] = tensors.reduce(0) { $0 + $1.shape[axis] }
        var result = Tensor(zeros: shape, dtype: tensors[0].dtype)
        guard result.count > 0 else { return result }
        result.withUnsafeMutableBytes { target in
            let rowBytes = target.count / Swift.max(outer, 1)
            var offset = 0
            for tensor in tensors {
                tensor.withUnsafeBytes { source in
                    let chunk = source.count / Swift.max(outer, 1)
                    for row in 0..<outer {
                        UnsafeMutableRawBufferPointer(rebasing: target[(row * rowBytes + offset)...].prefix(chunk))
                            .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[(row * chunk)...].prefix(chunk)))
                    }
                    offset += chunk
                }
            }
        }
        return result
    }

    /// The tensor cut along `axis` into parts of the given lengths.
    public func split(axis: Int, lengths: [Int]) -> [Tensor] {
        var start = 0
        return lengths.map { length in
            defer { start += length }
            return sliced(axis: axis, from: start, count: length)
        }
    }

    /// Equal tensors laid along a new axis.
    public static func stacked(_ tensors: [Tensor], axis: Int) -> Tensor {
        concatenated(
            tensors.map { tensor in
                var shape = tensor.shape
                shape.insert(1, at: axis)
                return tensor.reshaped(shape)
            }, axis: axis)
    }

    /// Rows of axis 0 picked by `indices`, each of which must be inside.
    public func rows(_ indices: [Int]) -> Tensor {
        var result = Tensor(zeros: [indices.count] + shape.dropFirst(), dtype: dtype)
        let rowBytes = shape.dropFirst().reduce(dtype.byteCount, *)
        guard rowBytes > 0 else { return result }
        withUnsafeBytes { source in
            result.withUnsafeMutableBytes { target in
                for (to, from) in indices.enumerated() {
                    UnsafeMutableRawBufferPointer(rebasing: target[(to * rowBytes)..<((to + 1) * rowBytes)])
                        .copyMemory(
                            from: UnsafeRawBufferPointer(rebasing: source[(from * rowBytes)..<((from + 1) * rowBytes)]))
                }
            }
        }
        return result
    }
}

/// Visits a strided array row by row: `body(start, length, stride)` for each run along the last axis.
func forEachRow(_ shape: [Int], _ strides: [Int], _ offset: Int, _ body: (Int, Int, Int) -> Void) {
    guard let length = shape.last, let stride = strides.last else {
        body(offset, 1, 1)
        return
    }
    var index = [Int](repeating: 0, count: shape.count - 1)
    var start = offset
    while true {
        body(start, length, stride)
        var axis = index.count - 1
        while axis >= 0 {
            index[axis] += 1
            start += strides[axis]
            if index[axis] < shape[axis] { break }
            start -= strides[axis] * shape[axis]
            index[axis] = 0
            axis -= 1
        }
        if axis < 0 { return }
    }
}

/// The shape that both broadcast to by NumPy's rule, or nil where they do not fit.
public func broadcastShape(_ a: [Int], _ b: [Int]) -> [Int]? {
    let rank = max(a.count, b.count)
    var result = [Int](repeating: 1, count: rank)
    for i in 1...max(rank, 1) where i <= rank {
        let x = i <= a.count ? a[a.count - i] : 1
        let y = i <= b.count ? b[b.count - i] : 1
        guard x == y || x == 1 || y == 1 else { return nil }
        result[rank - i] = x == 1 ? y : x
    }
    return result
}
