package import FerryEngine

extension ONNXEmitter {
    /// `x` in elements of `dtype`.
    package mutating func cast(_ x: String, to dtype: DType) -> String {
        apply("Cast", x, attributes: ["to": .int(ONNXDataType(dtype).number)])
    }

    /// The value in float32, in which layers compute.
    package mutating func float32(_ signal: ONNXSignal) -> String {
        signal.type.dtype == .float32 ? signal.name : cast(signal.name, to: .float32)
    }

    /// `x` with its axes in the order `permutation`.
    package mutating func transpose(_ x: String, _ permutation: [Int]) -> String {
        guard permutation != Array(permutation.indices) else { return x }
        return apply("Transpose", x, attributes: ["perm": .ints(permutation)])
    }

    /// `x` with new axes of length 1, counted in the result.
    package mutating func unsqueeze(_ x: String, _ axes: [Int]) -> String {
        axes.isEmpty ? x : apply("Unsqueeze", x, integers(axes))
    }

    /// `x` without axes of length 1.
    package mutating func squeeze(_ x: String, _ axes: [Int]) -> String { apply("Squeeze", x, integers(axes)) }

    /// `x` under another shape, where 0 keeps a length and −1 takes what is left.
    package mutating func reshape(_ x: String, _ shape: [Int]) -> String { apply("Reshape", x, integers(shape)) }

    /// `x` combined along axes by `ReduceMax` or another operator whose axes are an input only later.
    package mutating func reduce(_ op: String, _ x: String, axes: [Int], keepsAxes: Bool) -> String {
        let keep = ONNXAttribute.Value.int(keepsAxes ? 1 : 0)
        // ReduceSum took its axes as an input five opsets before the others did.
        guard opset >= 18 || op == "ReduceSum" else {
            return apply(op, x, attributes: ["axes": .ints(axes), "keepdims": keep])
        }
        return apply(op, x, integers(axes), attributes: ["keepdims": keep])
    }

    /// `x` in reverse order along `axis`.
    package mutating func reverse(_ x: String, axis: Int) -> String {
        apply("Slice", x, integers([-1]), integers([.min]), integers([axis]), integers([-1]))
    }

    /// `x` cut along `axis` into parts of the given lengths.
    package mutating func split(_ x: String, axis: Int, lengths: [Int]) -> [String] {
        guard lengths.count > 1 else { return [x] }
        return apply(
            "Split", [x, integers(lengths)], outputs: lengths.map { _ in true }, attributes: ["axis": .int(axis)])
    }

    /// Element `index` of `x` along `axis`, which goes away.
    package mutating func pick(_ x: String, _ index: Int, axis: Int) -> String {
        apply("Gather", x, integer(index), attributes: ["axis": .int(axis)])
    }

    /// The lengths of `x`, from axis `start` up to and without `end`: int64 [end − start].
    package mutating func lengths(_ x: String, from start: Int = 0, to end: Int? = nil) -> String {
        if start == 0 && end == nil { return apply("Shape", x) }
        if opset >= 15 {
            return end.map { apply("Shape", x, attributes: ["start": .int(start), "end": .int($0)]) }
                ?? apply("Shape", x, attributes: ["start": .int(start)])
        }
        return apply("Slice", apply("Shape", x), integers([start]), integers([end ?? .max]))
    }

    /// `x` under the shape that is the given parts one after another; −1 may take what is left.
    package mutating func reshape(_ x: String, lengths parts: [String]) -> String {
        let shape = parts.count == 1 ? parts[0] : apply("Concat", to: parts, attributes: ["axis": .int(0)])
        return apply("Reshape", x, shape)
    }
}
