package import FerryEngine

/// What is known of a value before it is computed: its type and, of short lists of integers, the contents.
package struct KnownValue: Sendable {
    package var type: ValueType
    /// The elements, where they are integers that shapes are made of; nil where they are not known at all.
    package var contents: [Dimension]?

    /// A value of `type`.
    package init(_ type: ValueType, contents: [Dimension]? = nil) {
        self.type = type
        self.contents = contents
    }

    /// A value that is at hand.
    package init(of tensor: Tensor) {
        type = ValueType(of: tensor)
        let isShape = [.int64, .int32].contains(tensor.dtype) && tensor.rank <= 1 && tensor.count <= 64
        contents = isShape ? tensor.ints.map(Dimension.fixed) : nil
    }
}

/// An operator that exporters compute shapes with, and that can say what comes out before the shapes are known.
package protocol ShapeArithmetic: Operator {
    /// The elements of the first output, as far as they follow; nil where none of them does.
    func contents(for inputs: Slots<KnownValue>) throws -> [Dimension]?
}

extension ShapeOf: ShapeArithmetic {
    package func contents(for inputs: Slots<KnownValue>) -> [Dimension]? {
        Array(inputs[0].type.shape[range(rank: inputs[0].type.rank)])
    }
}

extension SizeOf: ShapeArithmetic {
    package func contents(for inputs: Slots<KnownValue>) -> [Dimension]? { [inputs[0].type.shape.productDimension] }
}

extension Gather: ShapeArithmetic {
    package func contents(for inputs: Slots<KnownValue>) throws -> [Dimension]? {
        guard let x = inputs[0].contents, inputs[0].type.rank == 1, inputs[1].type.rank <= 1 else { return nil }
        return try inputs[1].contents?.lengths?.map { x[try checkedIndex($0, length: x.count)] }
    }
}

extension Squeeze: ShapeArithmetic {
    package func contents(for inputs: Slots<KnownValue>) -> [Dimension]? { inputs[0].contents }
}

extension Unsqueeze: ShapeArithmetic {
    package func contents(for inputs: Slots<KnownValue>) -> [Dimension]? {
        inputs[0].type.rank == 0 ? inputs[0].contents : nil
    }
}

extension TensorReshape: ShapeArithmetic {
    package func contents(for inputs: Slots<KnownValue>) -> [Dimension]? {
        shape.count(inputs.map(\.type)).map { $0 <= 1 } == true ? inputs[0].contents : nil
    }
}

extension Cast: ShapeArithmetic {
    package func contents(for inputs: Slots<KnownValue>) -> [Dimension]? {
        dtype == .int64 || dtype == .int32 ? inputs[0].contents : nil
    }
}

extension Concatenate: ShapeArithmetic {
    package func contents(for inputs: Slots<KnownValue>) -> [Dimension]? {
        guard inputs.present.allSatisfy({ $0.type.rank == 1 }) else { return nil }
        let parts = inputs.present.map { value -> [Dimension]? in
            guard value.type.dtype == .int64 || value.type.dtype == .int32 else { return nil }
            return value.contents ?? value.type.shape[0].length.map { [Dimension](repeating: .unknown, count: $0) }
        }
        return parts.contains { $0 == nil } ? nil : parts.flatMap { $0 ?? [] }
    }
}

extension Slice: ShapeArithmetic {
    package func contents(for inputs: Slots<KnownValue>) throws -> [Dimension]? {
        guard let x = inputs[0].contents, inputs[0].type.rank == 1, starts.slot == nil, ends.slot == nil,
            axes?.slot == nil,
            steps?.slot == nil
        else { return nil }
        // The places say which elements remain.
        var state = LayerState()
        let places = Signal(Tensor(x.indices.map(Int64.init)))
        return try evaluate(Slots([places]), ParameterSet(), &state)[0].tensor.ints.map { x[$0] }
    }
}

extension Arithmetic: ShapeArithmetic {
    package func contents(for inputs: Slots<KnownValue>) -> [Dimension]? {
        guard inputs.count == 2, let a = inputs[0].contents, let b = inputs[1].contents else { return nil }
        guard a.count == b.count || a.count == 1 || b.count == 1, !inputs[0].type.dtype.isFloat else { return nil }
        return (0..<max(a.count, b.count)).map { combined(a[a.count == 1 ? 0 : $0], b[b.count == 1 ? 0 : $0]) }
    }

    private func combined(_ a: Dimension, _ b: Dimension) -> Dimension {
        guard let x = a.length, let y = b.length else {
            switch (function, a, b) {
            case (.multiply, _, .fixed(1)), (.divide, _, .fixed(1)), (.add, _, .fixed(0)), (.subtract, _, .fixed(0)):
                return a
            case (.multiply, .fixed(1), _), (.add, .fixed(0), _): return b
            default: return .unknown
            }
        }
        switch function {
        case .add, .sum: return .fixed(x &+ y)
        case .subtract: return .fixed(x &- y)
        case .multiply: return .fixed(x &* y)
        case .divide: return y == 0 ? .unknown : .fixed(x / y)
        case .minimum: return .fixed(min(x, y))
        case .maximum: return .fixed(max(x, y))
        default: return .unknown
        }
    }
}
