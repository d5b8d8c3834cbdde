extension Tensor {
    /// The tensor with its elements converted to `dtype`; integers keep 64 bits on the way.
    public func cast(to dtype: DType) -> Tensor {
        guard dtype != self.dtype else { return self }
        return convert(from: self.dtype.elementType, to: dtype.elementType)
    }

    /// The tensor converted to `dtype` where every element survives the way there and back.
    ///
    /// Between floating-point types rounding is allowed, as it is when Keras is fed float64 data.
    ///
    /// - Throws: ``FerryError/Code/dtype`` naming the first element that would change.
    public func losslesslyCast(to dtype: DType) throws -> Tensor {
        let result = cast(to: dtype)
        if self.dtype.isFloat && dtype.isFloat { return result }
        let back = result.cast(to: self.dtype)
        guard back == self else {
            let index = (0..<count).first { back.value(at: $0) != value(at: $0) } ?? 0
            throw FerryError(
                .dtype, found: "holds \(self.dtype.rawValue) values such as \(value(at: index))",
                expected: "\(dtype.rawValue) without loss")
        }
        return result
    }

    private func value(at index: Int) -> Double {
        func read<Element: TensorElement>(_: Element.Type) -> Double {
            withUnsafeElements { (source: UnsafeBufferPointer<Element>) in source[index].doubleValue }
        }
        return read(dtype.elementType)
    }

    private func convert<Source: TensorElement, Target: TensorElement>(
        from _: Source.Type, to _: Target.Type
    ) -> Tensor {
        let exact = !dtype.isFloat && !Target.dtype.isFloat && Target.dtype != .bool
        return withUnsafeElements { (source: UnsafeBufferPointer<Source>) in
            Tensor(shape: shape, of: Target.self) { target in
                if exact {
                    for i in source.indices { target[i] = Target(wrapping: source[i].integerBits) }
                } else {
                    for i in source.indices { target[i] = Target(nearest: source[i].doubleValue) }
                }
            }
        }
    }
}
