package import FerryEngine

/// Combines integers bit by bit, with NumPy's broadcasting.
package struct Bitwise: TensorFunction, Hashable {
    package static let kind = "Bitwise"

    /// How bits are combined.
    package enum Function: String, Sendable, CaseIterable {
        case and, or, exclusiveOr, not
        /// The first input's bits moved by as many places as the second says; zeros follow, or from the left the sign.
        case shiftLeft, shiftRight
    }

    package var function: Function

    /// Combines by `function`.
    package init(_ function: Function) { self.function = function }

    package var arity: ClosedRange<Int> { function == .not ? 1...1 : 2...2 }
    package var timeLocality: TimeLocality { .perStep }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        try requireOneType(inputs.present)
        guard !inputs[0].dtype.isFloat, inputs[0].dtype != .bool else {
            throw FerryError.unfit(inputs[0].dtype, expected: "integers")
        }
        guard function != .not else { return [inputs[0]] }
        return [inputs[0].with(shape: try broadcastDimensions(inputs[0].shape, inputs[1].shape))]
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let x = inputs[0]
        return [try combined(x, inputs[optional: 1], x.dtype.numberType)]
    }

    private func combined<N: Number>(_ a: Tensor, _ b: Tensor?, _: N.Type) throws -> Tensor {
        guard let b else { return a.map { (x: N) in N(wrapping: ~x.integerBits) } }
        let width = Int64(N.dtype.byteCount * 8)
        return try a.combining(b) { (x: N, y: N) -> N in
            N(wrapping: bits(x.integerBits, y.integerBits, width, isUnsigned: N.lowest == N.zero))
        }
    }

    private func bits(_ a: Int64, _ b: Int64, _ width: Int64, isUnsigned: Bool) -> Int64 {
        switch function {
        case .and, .not: a & b
        case .or: a | b
        case .exclusiveOr: a ^ b
        case .shiftLeft: 0..<width ~= b ? a << b : 0
        // Only the widest unsigned integers look negative here without being it.
        case .shiftRight where isUnsigned: 0..<width ~= b ? Int64(bitPattern: UInt64(bitPattern: a) >> UInt64(b)) : 0
        case .shiftRight: a >> (0..<width ~= b ? b : 63)
        }
    }
}

/// The bits of the input as elements of another type of the same width.
package struct BitCast: TensorFunction, Hashable {
    package static let kind = "BitCast"
    package var dtype: DType

    /// Reads the bits as `dtype`.
    package init(to dtype: DType) { self.dtype = dtype }

    package var timeLocality: TimeLocality { .perStep }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard inputs[0].dtype.byteCount == dtype.byteCount, dtype != .bool || inputs[0].dtype == .bool else {
            throw FerryError.unfit(inputs[0].dtype, expected: "elements as wide as \(dtype.rawValue)")
        }
        return [inputs[0].with(dtype: dtype)]
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        [try inputs[0].withUnsafeBytes { try Tensor(bytes: $0, shape: inputs[0].shape, dtype: dtype) }]
    }
}
