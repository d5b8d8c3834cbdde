import FerryEngine
import FerryRuntime

extension Gather {
    /// The functions that pick and repeat elements.
    static let kerasFunctions: [KerasFunction] = [
        KerasFunction(["take", "gather"], parameters: ["x", "indices"]) { call in
            let axis = try call.ints("axis")?.first
            let shared = try call.int("batch_dims", default: 0)
            var x = try call.tensor("x", "params")
            let indices = try call.tensor("indices")
            if shared > 0 {
                guard axis ?? shared == shared else {
                    throw FerryError(
                        .unsupported, found: "batch_dims \(shared) and axis \(axis ?? 0)", expected: "equal ones")
                }
                let vectors = try call.helper(Unsqueeze([call.type(of: indices).rank]), indices)
                return try call.apply(GatherND(batchAxes: shared), x, vectors)
            }
            if axis == nil { x = try call.helper(TensorReshape(.known([-1])), x) }
            return try call.apply(Gather(axis: axis ?? 0), x, indices)
        },
        KerasFunction(["take_along_axis"], parameters: ["x", "indices"]) { call in
            let axis = try call.int("axis", default: -1)
            return try call.apply(GatherElements(axis: axis), call.tensor("x"), call.tensor("indices"))
        },
        KerasFunction(["repeat"], parameters: ["x", "repeats"]) { call in
            let (repeats, axis) = (try call.int("repeats"), try call.int("axis"))
            let x = try call.tensor("x", "input")
            let shape = call.type(of: x).shape
            let resolved = try checkedAxis(axis, rank: shape.count)
            guard let length = shape[resolved].length else {
                guard 1..<(shape.count - 1) ~= resolved else {
                    throw FerryError(.unsupported, found: "a repeat along free axis \(axis)", expected: "a fixed axis")
                }
                return try call.apply(UpSampling((1..<(shape.count - 1)).map { $0 == resolved ? repeats : 1 }), x)
            }
            let rows = Tensor((0..<(length * repeats)).map { Int64($0 / repeats) })
            return try call.apply(Gather(axis: resolved), x, call.constant(rows))
        },
    ]
}

extension MatMul {
    /// The products of matrices.
    static let kerasFunctions: [KerasFunction] = [
        KerasFunction(["matmul"], parameters: ["x", "y"]) { call in
            let (transposesA, transposesB) = (try call.bool("transpose_a"), try call.bool("transpose_b"))
            var (a, b) = try call.pair()
            if transposesA { a = try call.matrixTransposed(a) }
            if transposesB { b = try call.matrixTransposed(b) }
            return try call.apply(MatMul(), a, b)
        },
        KerasFunction(["dot"], parameters: ["x", "y"]) { call in
            let (x, y) = try call.pair()
            guard call.type(of: y).rank == 2 else {
                throw FerryError(.unsupported, found: "a dot with \(call.type(of: y).shape)", expected: "with a matrix")
            }
            return try call.apply(MatMul(), x, y)
        },
        KerasFunction(["tensordot"], parameters: ["x", "y"]) { call in
            let axes = call.take("axes") ?? 2
            let (x, y) = try call.pair()
            let (a, b) = (call.type(of: x).rank, call.type(of: y).rank)
            guard
                let pairs = axes.intValue.map({ [Array((a - $0)..<a), Array(0..<$0)] })
                    ?? axes.arrayValue?.map({ $0.intList ?? [] }),
                pairs.count == 2, pairs[0].count == pairs[1].count
            else { throw call.unexpected(axes, "axes", "a number, or two lists of axes") }
            return try call.apply(Einsum(tensordot: pairs, ranks: (a, b)), x, y)
        },
        KerasFunction("einsum", parameters: ["operands"]) { call in
            let einsum = try Einsum(call.string("subscripts"))
            let operands = try call.tensors("operands")
            return try call.results(of: einsum, operands)
        },
    ]
}

extension Einsum {
    /// The sum of products along pairs of axes; the other axes of both inputs are left, in their order.
    fileprivate init(tensordot axes: [[Int]], ranks: (Int, Int)) throws {
        let letters = (0..<(ranks.0 + ranks.1)).map { String(UnicodeScalar(UInt8(97 + $0))) }
        let left = Array(letters.prefix(ranks.0))
        var right = Array(letters.dropFirst(ranks.0))
        let (i, j) = (
            try axes[0].map { try checkedAxis($0, rank: ranks.0) },
            try axes[1].map { try checkedAxis($0, rank: ranks.1) }
        )
        for (a, b) in zip(i, j) { right[b] = left[a] }
        let kept =
            left.indices.filter { !i.contains($0) }.map { left[$0] }
            + right.indices.filter { !j.contains($0) }.map { right[$0] }
        try self.init("\(left.joined()),\(right.joined())->\(kept.joined())")
    }
}

extension KerasFunctionCall {
    /// The value with its last two axes swapped, as a step on the way.
    fileprivate mutating func matrixTransposed(_ value: Graph.ValueID) throws -> Graph.ValueID {
        let rank = type(of: value).rank
        guard rank >= 2 else { throw FerryError(.shape, found: "input \(type(of: value).shape)", expected: "a matrix") }
        return try helper(Transpose(Array(0..<(rank - 2)) + [rank - 1, rank - 2]), value)
    }
}
