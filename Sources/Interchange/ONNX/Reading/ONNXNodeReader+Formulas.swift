import FerryEngine
import FerryRuntime

/// Short names for the primitives that formulas are made of.
extension ONNXNodeReader {
    func plus(_ a: ONNXOperand, _ b: ONNXOperand) throws -> ONNXOperand { try add(Arithmetic(.add), a, b) }
    func minus(_ a: ONNXOperand, _ b: ONNXOperand) throws -> ONNXOperand { try add(Arithmetic(.subtract), a, b) }
    func times(_ a: ONNXOperand, _ b: ONNXOperand) throws -> ONNXOperand { try add(Arithmetic(.multiply), a, b) }
    func over(_ a: ONNXOperand, _ b: ONNXOperand) throws -> ONNXOperand { try add(Arithmetic(.divide), a, b) }
    func apply(_ function: Elementwise.Function, _ x: ONNXOperand) throws -> ONNXOperand {
        try add(Elementwise(function), x)
    }

    /// A scalar in the type of `x`.
    func scalar(_ value: Float, like x: ONNXOperand) -> ONNXOperand {
        literal(Tensor(scalar: value).cast(to: type(x).dtype))
    }

    /// The mean along `axes`, which stay with length one.
    func mean(_ x: ONNXOperand, _ axes: [Int]) throws -> ONNXOperand {
        try add(Reduction(.mean, axes: .known(axes)), x)
    }

    /// `x` under another shape; 0 keeps the length of the axis, −1 takes what is left.
    func reshaped(_ x: ONNXOperand, _ shape: [Int]) throws -> ONNXOperand {
        try add(TensorReshape(.known(shape)), x)
    }

    /// `x` in the shape of `other`.
    func reshaped(_ x: ONNXOperand, like other: ONNXOperand) throws -> ONNXOperand {
        var operands: [ONNXOperand?] = [x]
        let shape = integers(try add(ShapeOf(), other), &operands)
        return try append(TensorReshape(shape), operands, suffix: "Reshape")[0]
    }

    /// A vector with one element for each channel, so that it broadcasts to [batch, channels, …] of `rank` axes.
    func perChannel(_ vector: ONNXOperand, rank: Int) throws -> ONNXOperand {
        rank > 2 ? try add(Unsqueeze(Array(1..<(rank - 1))), vector) : vector
    }

    /// The type that an attribute names by its number; nil where there is none.
    mutating func dataType(_ name: String) throws -> DType? {
        guard let number = try attributes.int(name) else { return nil }
        guard let dtype = ONNXDataType(number).dtype else {
            throw FerryError(
                .unsupported, at: ["attribute '\(name)'"], found: "elements of type \(ONNXDataType(number))",
                expected: "numbers or booleans")
        }
        return dtype
    }
}
