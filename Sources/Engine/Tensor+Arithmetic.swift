extension Tensor {
    /// `body` applied to each element.
    public func map<Element: TensorElement, Result: TensorElement>(
        _ body: (Element) throws -> Result
    ) rethrows -> Tensor {
        try withUnsafeElements { (source: UnsafeBufferPointer<Element>) in
            try Tensor(shape: shape, of: Result.self) { target in
                for i in source.indices { target[i] = try body(source[i]) }
            }
        }
    }

    /// `body` applied to pairs of elements of two tensors of one type, stretched to each other by NumPy's rule.
    ///
    /// - Throws: ``FerryError/Code/shape`` where the shapes do not stretch to each other.
    public func combining<Element: TensorElement, Result: TensorElement>(
        _ other: Tensor, _ body: (Element, Element) throws -> Result
    ) throws -> Tensor {
        guard let target = broadcastShape(shape, other.shape) else {
            throw FerryError(
                .shape, found: "shapes \(shape) and \(other.shape)", expected: "shapes that broadcast to each other")
        }
        let a = broadcast(to: target)
        let b = other.broadcast(to: target)
        return try a.withUnsafeElements { (x: UnsafeBufferPointer<Element>) in
            try b.withUnsafeElements { (y: UnsafeBufferPointer<Element>) in
                try Tensor(shape: target, of: Result.self) { z in
                    for i in z.indices { z[i] = try body(x[i], y[i]) }
                }
            }
        }
    }

    /// The tensor seen as [outer, length of `axis`, inner], for loops along one axis.
    public func split(at axis: Int) -> (outer: Int, length: Int, inner: Int) {
        (shape[..<axis].reduce(1, *), shape[axis], shape[(axis + 1)...].reduce(1, *))
    }

    /// A float32 tensor of the same shape in which `body` has rewritten every line along `axis`.
    ///
    /// `body` is given one line, contiguous, and writes its replacement over it.
    public func mapLines(axis: Int, _ body: (UnsafeMutableBufferPointer<Float>) -> Void) -> Tensor {
        let (outer, length, inner) = split(at: axis)
        var line = [Float](repeating: 0, count: length)
        var result = cast(to: .float32)
        result.withUnsafeMutableElements { (data: UnsafeMutableBufferPointer<Float>) in
            line.withUnsafeMutableBufferPointer { line in
                for o in 0..<outer {
                    for i in 0..<inner {
                        let base = o * length * inner + i
                        for k in 0..<length { line[k] = data[base + k * inner] }
                        body(line)
                        for k in 0..<length { data[base + k * inner] = line[k] }
                    }
                }
            }
        }
        return result
    }
}

/// `axis` counted from the front, where negative axes count from the back; nil where it is outside.
public func resolvedAxis(_ axis: Int, rank: Int) -> Int? {
    let resolved = axis < 0 ? axis + rank : axis
    return (0..<rank).contains(resolved) ? resolved : nil
}
