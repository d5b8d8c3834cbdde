import FerryEngine
import FerryRuntime

extension ONNXEmitter {
    /// Integers that decide the shape of a result, int64 [count]: a constant, or the input that holds them.
    mutating func integers(_ integers: Integers, of inputs: Slots<ONNXSignal>) throws -> String {
        guard let slot = integers.slot else {
            guard let values = integers.values else { throw FerryError(.range, found: "integers that nobody supplies") }
            return self.integers(values)
        }
        let list = cast(inputs[slot], to: .int64)
        return inputs[slot].type.rank == 0 ? unsqueeze(list, [0]) : list
    }

    /// The value in elements of `dtype`.
    mutating func cast(_ signal: ONNXSignal, to dtype: DType) -> String {
        signal.type.dtype == dtype ? signal.name : cast(signal.name, to: dtype)
    }

    /// `x`, which holds elements of `dtype`, in elements of `target`.
    mutating func cast(_ x: String, from dtype: DType, to target: DType) -> String {
        dtype == target ? x : cast(x, to: target)
    }

    /// The value in a type that all runtimes compute in, see ``DType/onnxWide``.
    mutating func widened(_ signal: ONNXSignal) -> String { cast(signal, to: signal.type.dtype.onnxWide) }

    /// `x`, computed of widened values, in elements of `dtype`.
    mutating func narrowed(_ x: String, to dtype: DType) -> String { cast(x, from: dtype.onnxWide, to: dtype) }

    /// The value, of one element, without axes.
    mutating func withoutAxes(_ x: String, _ type: ValueType) -> String {
        type.rank == 0 ? x : apply("Reshape", x, integers([]))
    }

    /// Indices in a type that operators take them in.
    mutating func indices(_ signal: ONNXSignal) -> String {
        signal.type.dtype == .int32 ? signal.name : cast(signal, to: .int64)
    }

    /// A scalar in elements of `dtype`.
    mutating func scalar(_ value: Float, _ dtype: DType) -> String { constant(Tensor(scalar: value).cast(to: dtype)) }
}

extension DType {
    /// The type in which runtimes compute with such elements without loss: many lack the others, and the plain
    /// definitions compute in half precision nowhere.
    var onnxWide: DType {
        switch self {
        case .float16, .bfloat16: .float32
        case .bool, .int8, .int16, .uint8, .uint16: .int32
        case .uint32: .int64
        case .float32, .float64, .int32, .int64, .uint64: self
        }
    }
}

extension ONNXWritable {
    /// The outputs of one node that takes the inputs as they are.
    func emitNode(
        _ op: String, _ inputs: Slots<ONNXSignal>, _ attributes: [ONNXAttribute] = [], into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        try emitNode(op, (0..<inputs.count).map { inputs[optional: $0]?.name ?? "" }, inputs, attributes, &emitter)
    }

    /// The outputs of one node that computes with numbers of any type.
    ///
    func emitWideNode(
        _ op: String, _ inputs: Slots<ONNXSignal>, _ attributes: [ONNXAttribute] = [], into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let names = (0..<inputs.count).map { inputs[optional: $0].map { emitter.widened($0) } ?? "" }
        return try emitNode(op, names, inputs, attributes, &emitter).map { output in
            // Indices and booleans come as they are, numbers in the wide type of the inputs.
            guard output.type.dtype == inputs[0].type.dtype else { return output }
            return ONNXSignal(emitter.narrowed(output.name, to: output.type.dtype), output.type)
        }
    }

    /// The outputs of one node with the given operands, in the types that the operator says they have.
    func emitNode(
        _ op: String, _ operands: [String], _ inputs: Slots<ONNXSignal>, _ attributes: [ONNXAttribute],
        _ emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let types = try outputTypes(for: inputs.map(\.type))
        let names = emitter.apply(op, operands, outputs: types.map { _ in true }, attributes: attributes)
        return zip(names, types).map { ONNXSignal($0, $1) }
    }
}
