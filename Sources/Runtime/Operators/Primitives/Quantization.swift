package import FerryEngine

/// x / scale, rounded, plus a zero point, in small integers (ONNX `QuantizeLinear`).
///
/// Inputs: x, the scale, optionally the zero point. Scale and zero point are scalars, one for each slice of an axis, or
/// one for each block of elements along it.
package struct Quantize: TensorFunction, Hashable {
    package static let kind = "Quantize"
    package var axis: Int
    /// How many elements along the axis share a scale; 0 where blocks are whole slices.
    package var blockSize: Int
    /// The type of the output.
    package var dtype: DType

    package init(axis: Int, blockSize: Int, to dtype: DType) {
        self.axis = axis
        self.blockSize = blockSize
        self.dtype = dtype
    }

    package var arity: ClosedRange<Int> { 2...3 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard !dtype.isFloat, dtype != .bool else { throw FerryError.unfit(dtype, expected: "integers") }
        return [inputs[0].with(dtype: dtype)]
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let x = inputs[0]
        let grid = QuantizationGrid(x.shape, axis: axis, blockSize: blockSize)
        let scale = try grid.spread(inputs[1]).cast(to: .float32).floats
        let zero = try inputs[optional: 2].map { try grid.spread($0).ints }
        let (low, high) = dtype.integerBounds
        let values = x.floats
        let quantized = values.indices.map { i -> Int64 in
            let rounded = (values[i] / scale[i]).rounded(.toNearestOrEven)
            guard !rounded.isNaN else { return 0 }
            return Int64(min(max(Double(rounded) + Double(zero?[i] ?? 0), low), high))
        }
        return [Tensor(quantized, shape: x.shape).cast(to: dtype)]
    }
}

/// (x − zero point) · scale, in floats (ONNX `DequantizeLinear`). Inputs as of ``Quantize``.
package struct Dequantize: TensorFunction, Hashable {
    package static let kind = "Dequantize"
    package var axis: Int
    /// How many elements along the axis share a scale; 0 where blocks are whole slices.
    package var blockSize: Int
    /// The type of the output; nil takes that of the scale.
    package var dtype: DType?

    package init(axis: Int, blockSize: Int, to dtype: DType?) {
        self.axis = axis
        self.blockSize = blockSize
        self.dtype = dtype
    }

    package var arity: ClosedRange<Int> { 2...3 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard !inputs[0].dtype.isFloat, inputs[1].dtype.isFloat else {
            throw FerryError.unfit(inputs[0].dtype, expected: "integers, and floats as scales")
        }
        return [inputs[0].with(dtype: dtype ?? inputs[1].dtype)]
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let x = inputs[0]
        let grid = QuantizationGrid(x.shape, axis: axis, blockSize: blockSize)
        let scale = try grid.spread(inputs[1]).floats
        let zero = try inputs[optional: 2].map { try grid.spread($0).ints }
        let values = x.ints
        let floats = values.indices.map { Float(values[$0] - (zero?[$0] ?? 0)) * scale[$0] }
        return [Tensor(floats, shape: x.shape).cast(to: dtype ?? inputs[1].dtype)]
    }
}

/// Which scale and which zero point belong to each element.
private struct QuantizationGrid {
    let shape: [Int]
    let axis: Int
    let blockSize: Int

    init(_ shape: [Int], axis: Int, blockSize: Int) {
        self.shape = shape
        self.axis = axis
        self.blockSize = blockSize
    }

    /// One element of `settings` for each element.
    func spread(_ settings: Tensor) throws -> Tensor {
        if settings.count == 1 && blockSize == 0 { return settings.reshaped([]).broadcast(to: shape) }
        let axis = try checkedAxis(axis, rank: shape.count)
        if blockSize > 0 {
            var blocks = shape
            blocks[axis] = (shape[axis] + blockSize - 1) / blockSize
            guard settings.shape == blocks else { throw misfit(settings, blocks) }
            return settings.gathering((0..<shape[axis]).map { $0 / blockSize }, axis: axis)
        }
        guard settings.shape == [shape[axis]] else { throw misfit(settings, [shape[axis]]) }
        return settings.reshaped([shape[axis]] + shape[(axis + 1)...].map { _ in 1 }).broadcast(to: shape)
    }

    private func misfit(_ settings: Tensor, _ expected: [Int]) -> FerryError {
        FerryError(.shape, found: "scales or zero points \(settings.shape)", expected: "one, or \(expected)")
    }
}

/// The matrix product of integers less their zero points, int32 (ONNX `MatMulInteger`).
///
/// Inputs: A, B, optionally the zero point of A (one, or one for each row) and of B (one, or one for each column).
package struct IntegerMatMul: TensorFunction, Hashable {
    package static let kind = "IntegerMatMul"

    package init() {}

    package var arity: ClosedRange<Int> { 2...4 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let wide = [inputs[0], inputs[1]].map { $0.with(dtype: .int32) }
        return try MatMul().outputTypes(for: Slots(wide))
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        // Products of eight-bit numbers are exact in float64, and their sums far beyond any length.
        let a = try centred(inputs[0], inputs[optional: 2], isRow: true)
        let b = try centred(inputs[1], inputs[optional: 3], isRow: false)
        var plain = LayerState()
        let product = try MatMul().evaluate(Slots([Signal(a), Signal(b)]), ParameterSet(), &plain)
        return [product[0].tensor]
    }

    private func centred(_ x: Tensor, _ zero: Tensor?, isRow: Bool) throws -> Tensor {
        let wide = x.cast(to: .int32)
        guard let zero else { return wide }
        var aligned = zero.cast(to: .int32)
        if zero.count == 1 { aligned = aligned.reshaped([]) }
        if isRow, aligned.rank == 1, x.rank > 1 { aligned = aligned.reshaped([aligned.count, 1]) }
        return try wide.combining(aligned) { (a: Int32, b: Int32) in a &- b }
    }
}

extension DType {
    /// The smallest and the largest integer, as doubles.
    var integerBounds: (Double, Double) {
        func bounds<N: Number>(_: N.Type) -> (Double, Double) { (N.lowest.doubleValue, N.highest.doubleValue) }
        return bounds(numberType)
    }
}
