package import FerryEngine

/// Keeps one triangle of matrices [rows, columns], the last two axes, and sets the rest to zero (ONNX `Trilu`).
///
/// Inputs: x, optionally how many diagonals above the main one the border lies.
package struct Triangle: TensorFunction, Hashable {
    package static let kind = "Triangle"
    /// Whether the upper one stays.
    package var upper: Bool

    package init(upper: Bool) { self.upper = upper }

    package var arity: ClosedRange<Int> { 1...2 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard inputs[0].rank >= 2 else { throw FerryError(.shape, found: "\(inputs[0])", expected: "matrices") }
        return [inputs[0]]
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let x = inputs[0]
        let offset = try inputs[optional: 1]?.scalarInt("a diagonal") ?? 0
        let (rows, columns, width) = (x.shape[x.rank - 2], x.shape[x.rank - 1], x.dtype.byteCount)
        let limit = max(-rows, min(columns, offset))
        var result = x
        result.withUnsafeMutableBytes { bytes in
            for line in 0..<(x.count / max(columns, 1)) {
                let diagonal = line % rows + limit
                let cleared = upper ? 0..<max(0, min(columns, diagonal)) : max(0, min(columns, diagonal + 1))..<columns
                let start = line * columns
                for byte in ((start + cleared.lowerBound) * width)..<((start + cleared.upperBound) * width) {
                    bytes[byte] = 0
                }
            }
        }
        return [result]
    }
}

/// A matrix with ones on one diagonal, of the shape of the input (ONNX `EyeLike`).
package struct Diagonal: TensorFunction, Hashable {
    package static let kind = "Diagonal"
    /// The type of the output; nil takes that of the input.
    package var dtype: DType?
    /// How many places above the main diagonal the ones are.
    package var offset: Int

    package init(dtype: DType?, offset: Int) {
        self.dtype = dtype
        self.offset = offset
    }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard inputs[0].rank == 2 else { throw FerryError(.shape, found: "\(inputs[0])", expected: "a matrix") }
        return [inputs[0].with(dtype: dtype ?? inputs[0].dtype)]
    }

    package func compute(_ inputs: Slots<Tensor>) -> [Tensor] {
        let shape = inputs[0].shape
        var values = [Double](repeating: 0, count: shape.product)
        for row in 0..<shape[0] {
            let (column, overflow) = row.addingReportingOverflow(offset)
            if !overflow, 0..<shape[1] ~= column { values[row * shape[1] + column] = 1 }
        }
        return [Tensor(values, shape: shape, dtype: dtype ?? inputs[0].dtype)]
    }
}

/// The determinants of square matrices, the last two axes, by elimination with row pivots.
package struct Determinant: TensorFunction, Hashable {
    package static let kind = "Determinant"

    package init() {}

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let shape = inputs[0].shape
        guard shape.count >= 2, shape[shape.count - 1].isCompatible(with: shape[shape.count - 2]),
            inputs[0].dtype.isFloat
        else { throw FerryError(.shape, found: "\(inputs[0])", expected: "square matrices of floats") }
        return [inputs[0].with(shape: Array(shape.dropLast(2)))]
    }

    package func compute(_ inputs: Slots<Tensor>) -> [Tensor] {
        let x = inputs[0]
        let (size, values) = (x.shape[x.rank - 1], x.doubles)
        let shape = Array(x.shape.dropLast(2))
        let results = (0..<shape.product).map { i in
            determinant(Array(values[(i * size * size)..<((i + 1) * size * size)]), size)
        }
        return [Tensor(results, shape: shape, dtype: x.dtype)]
    }

    private func determinant(_ matrix: [Double], _ size: Int) -> Double {
        var (m, result) = (matrix, 1.0)
        for column in 0..<size {
            let pivot = (column..<size).max { abs(m[$0 * size + column]) < abs(m[$1 * size + column]) } ?? column
            guard m[pivot * size + column] != 0 else { return 0 }
            if pivot != column {
                for k in 0..<size { m.swapAt(pivot * size + k, column * size + k) }
                result = -result
            }
            result *= m[column * size + column]
            for row in (column + 1)..<max(size, column + 1) {
                let factor = m[row * size + column] / m[column * size + column]
                for k in column..<size { m[row * size + k] -= factor * m[column * size + k] }
            }
        }
        return result
    }
}
