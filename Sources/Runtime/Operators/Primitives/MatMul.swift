package import FerryEngine

/// The matrix product of the last two axes, with NumPy's rules for vectors and for the axes before.
package struct MatMul: Operator, Hashable {
    package static let kind = "MatMul"

    package init() {}

    package var arity: ClosedRange<Int> { 2...2 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        try requireOneType(inputs.present)
        let (a, b) = (inputs[0].shape, inputs[1].shape)
        guard let inner = a.last, !b.isEmpty, inputs[0].dtype != .bool, inner.isCompatible(with: b[max(b.count - 2, 0)])
        else {
            throw FerryError(.shape, found: "inputs \(a) and \(b)", expected: "matrices with equal inner axes")
        }
        let leading = try broadcastDimensions(Array(a.dropLast(2)), Array(b.dropLast(2)))
        let rows = a.count == 1 ? [] : [a[a.count - 2]]
        let columns = b.count == 1 ? [] : [b[b.count - 1]]
        return [inputs[0].with(shape: leading + rows + columns)]
    }

    package func multiplications(_ inputs: Slots<ValueType>, _ outputs: [ValueType], parameterCount: Int) -> Int {
        outputs[0].knownCount.times(inputs[0].shape.last?.length ?? 1)
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let (a, b) = (inputs[0].tensor, inputs[1].tensor)
        let product = try matrices(
            a.rank == 1 ? a.reshaped([1, a.count]) : a, b.rank == 1 ? b.reshaped([b.count, 1]) : b)
        var shape = product.shape
        if b.rank == 1 { shape.removeLast() }
        if a.rank == 1 { shape.remove(at: product.rank - 2) }
        return [Signal(product.reshaped(shape).cast(to: a.dtype))]
    }

    private func matrices(_ a: Tensor, _ b: Tensor) throws -> Tensor {
        let (inner, columns) = (a.shape[a.rank - 1], b.shape[b.rank - 1])
        guard inner == b.shape[b.rank - 2] else {
            throw FerryError(
                .shape, found: "inputs \(a.shape) and \(b.shape)", expected: "matrices with equal inner axes")
        }
        guard b.rank > 2 else {
            let rows = a.shape.dropLast().reduce(1, *)
            return product(a.reshaped([rows, inner]), b).reshaped(a.shape.dropLast() + [columns])
        }
        guard let leading = broadcastShape(Array(a.shape.dropLast(2)), Array(b.shape.dropLast(2))) else {
            throw FerryError(.shape, found: "inputs \(a.shape) and \(b.shape)", expected: "leading axes that broadcast")
        }
        let count = leading.product
        let rows = a.shape[a.rank - 2]
        let left = a.broadcast(to: leading + [rows, inner]).reshaped([count * rows, inner])
        let right = b.broadcast(to: leading + [inner, columns]).reshaped([count * inner, columns])
        guard count > 0 else { return Tensor(zeros: leading + [rows, columns], dtype: a.dtype.numberType.dtype) }
        let parts = (0..<count).map { i in
            product(
                left.sliced(axis: 0, from: i * rows, count: rows), right.sliced(axis: 0, from: i * inner, count: inner))
        }
        return Tensor.concatenated(parts, axis: 0).reshaped(leading + [rows, columns])
    }
}

/// α A′·B′ + β C, where A′ and B′ may be transposed and C broadcasts.
///
/// Inputs: A, B, optionally C.
package struct Gemm: Operator, Hashable {
    package static let kind = "Gemm"
    package var alpha: Float
    package var beta: Float
    package var transposesA: Bool
    package var transposesB: Bool

    package init(alpha: Float = 1, beta: Float = 1, transposesA: Bool = false, transposesB: Bool = false) {
        self.alpha = alpha
        self.beta = beta
        self.transposesA = transposesA
        self.transposesB = transposesB
    }

    package var arity: ClosedRange<Int> { 2...3 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        try requireOneType(inputs.present)
        guard inputs[0].rank == 2, inputs[1].rank == 2 else {
            throw FerryError(
                .shape, found: "inputs \(inputs[0].shape) and \(inputs[1].shape)", expected: "two matrices")
        }
        let a = transposesA ? inputs[0].shape.reversed() : inputs[0].shape
        let b = transposesB ? inputs[1].shape.reversed() : inputs[1].shape
        guard a[1].isCompatible(with: b[0]) else {
            throw FerryError(.shape, found: "matrices \(a) and \(b)", expected: "equal inner axes")
        }
        return [inputs[0].with(shape: [a[0], b[1]])]
    }

    package func multiplications(_ inputs: Slots<ValueType>, _ outputs: [ValueType], parameterCount: Int) -> Int {
        outputs[0].knownCount.times(inputs[0].shape[transposesA ? 0 : 1].length ?? 1)
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let a = transposesA ? inputs[0].tensor.transposed([1, 0]) : inputs[0].tensor
        let b = transposesB ? inputs[1].tensor.transposed([1, 0]) : inputs[1].tensor
        guard a.shape[1] == b.shape[0] else {
            throw FerryError(.shape, found: "matrices \(a.shape) and \(b.shape)", expected: "equal inner axes")
        }
        var y = scaled(product(a, b), alpha)
        if let c = inputs[optional: 2]?.tensor {
            var plain = LayerState()
            y = try Arithmetic(.add).evaluate(
                Slots([Signal(y), Signal(scaled(c.asNumbers(), beta))]), parameters, &plain)[0].tensor
        }
        return [Signal(y.cast(to: a.dtype))]
    }

    private func scaled(_ tensor: Tensor, _ factor: Float) -> Tensor {
        factor == 1 ? tensor : tensor.mapDoubles { $0 * Double(factor) }
    }
}

/// The product of two matrices whose inner axes are equal, in the type in which their elements are computed.
func product(_ a: Tensor, _ b: Tensor) -> Tensor {
    let (a, b) = (a.asNumbers(), b.asNumbers())
    return a.dtype == .float32 ? a.matmul(b) : plainProduct(a, b, a.dtype.numberType)
}

private func plainProduct<N: Number>(_ a: Tensor, _ b: Tensor, _: N.Type) -> Tensor {
    let (inner, columns) = (a.shape[1], b.shape[1])
    return a.withUnsafeElements { (x: UnsafeBufferPointer<N>) in
        b.withUnsafeElements { (y: UnsafeBufferPointer<N>) in
            Tensor(shape: [a.shape[0], columns], of: N.self) { z in
                for i in z.indices {
                    let (row, column) = (i / columns, i % columns)
                    z[i] = (0..<inner).reduce(N.zero) { $0.plus(x[row * inner + $1].times(y[$1 * columns + column])) }
                }
            }
        }
    }
}
