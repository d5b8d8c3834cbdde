import FerryEngine
import FerryRuntime

extension Transpose {
    /// The functions that move, add and drop axes.
    static let kerasFunctions: [KerasFunction] = [
        KerasFunction(["transpose", "permute_dimensions"], parameters: ["x", "axes"]) { call in
            let axes = try call.ints("axes", "perm")
            return try call.apply(Transpose(axes), call.tensor("x"))
        },
        KerasFunction(["swapaxes"]) { call in
            let x = try call.tensor("x")
            let rank = call.type(of: x).rank
            let (a, b) = (
                try checkedAxis(call.int("axis1"), rank: rank), try checkedAxis(call.int("axis2"), rank: rank)
            )
            var order = Array(0..<rank)
            order.swapAt(a, b)
            return try call.apply(Transpose(order), x)
        },
        KerasFunction(["moveaxis"]) { call in
            let x = try call.tensor("x")
            let rank = call.type(of: x).rank
            let sources = try (call.ints("source") ?? []).map { try checkedAxis($0, rank: rank) }
            let targets = try (call.ints("destination") ?? []).map { try checkedAxis($0, rank: rank) }
            var order = (0..<rank).filter { !sources.contains($0) }
            for (target, source) in zip(targets, sources).sorted(by: { $0.0 < $1.0 }) {
                order.insert(source, at: target)
            }
            return try call.apply(Transpose(order), x)
        },
        KerasFunction(["expand_dims"], parameters: ["x", "axis"]) { call in
            guard let axes = try call.ints("axis") else { throw FerryError(.missingKey, found: "no argument 'axis'") }
            return try call.apply(Unsqueeze(axes), call.tensor("x"))
        },
        KerasFunction(["squeeze"], parameters: ["x", "axis"]) { call in
            let axes = try call.ints("axis", "squeeze_dims")
            let x = try call.tensor("x")
            let shape = call.type(of: x).shape
            // Without axes Keras drops those that it knows to be of length 1.
            return try call.apply(Squeeze(axes ?? shape.indices.filter { shape[$0] == .fixed(1) }), x)
        },
        KerasFunction(["flip", "reverse"], parameters: ["x", "axis"]) { call in
            let axes = try call.ints("axis")
            var x = try call.tensor("x")
            for axis in axes ?? Array(0..<call.type(of: x).rank) { x = try call.apply(Reverse(axis: axis), x) }
            return x
        },
    ]
}

extension TensorReshape {
    /// The functions that give a tensor another shape.
    static let kerasFunctions: [KerasFunction] = [
        KerasFunction(["reshape"], parameters: ["x", "newshape"]) { call in
            let (shape, source) = try call.shape("newshape", "shape")
            let x = try call.tensor("x")
            return try call.results(of: TensorReshape(shape, zeroIsLength: true), [x] + source)[0]
        },
        KerasFunction(["batch_flatten"]) { call in
            try call.apply(TensorReshape(.known([0, -1])), call.tensor("x"))
        },
        KerasFunction(["ravel"]) { call in try call.apply(TensorReshape(.known([-1])), call.tensor("x")) },
        KerasFunction(["tile"], parameters: ["x", "repeats"]) { call in
            let repeats = try call.ints("repeats", "multiples") ?? []
            let x = try call.tensor("x")
            let missing = max(0, call.type(of: x).rank - repeats.count)
            return try call.apply(Tile(.known(Array(repeating: 1, count: missing) + repeats)), x)
        },
        KerasFunction(["broadcast_to"]) { call in
            let (shape, source) = try call.shape("shape")
            let x = try call.tensor("x", "input")
            return try call.results(of: Expand(shape), [x] + source)[0]
        },
        KerasFunction(["shape"]) { call in
            _ = call.take("out_type", "optimize")
            return try call.apply(ShapeOf(), call.tensor("x", "input"))
        },
    ]
}

extension KerasFunctionCall {
    /// A shape whose lengths are numbers, or tensors that hold one each; the second is the input that holds them all,
    /// where there is such.
    fileprivate mutating func shape(_ names: String...) throws -> (Integers, [Graph.ValueID]) {
        let json = take(names)
        guard let json else { throw FerryError(.missingKey, found: "no argument '\(names[0])'") }
        if let reference = KerasReference(json) {
            return (.input(1), [try cast(value(reference), to: .int64)])
        }
        let parts = json.arrayValue ?? [json]
        // A length that Keras did not know is the one that is left.
        let known = parts.map { $0.isNull ? -1 : $0.intValue }
        if !known.contains(nil) { return (.known(known.compactMap { $0 }), []) }
        let lengths = try parts.map { part -> Graph.ValueID in
            guard let reference = KerasReference(part) else { return constant(Tensor([Int64(part.intValue ?? -1)])) }
            return try helper(TensorReshape(.known([1])), cast(value(reference), to: .int64))
        }
        let joined = try joining(lengths, axis: 0)
        return (.input(1, expected: known.map { $0.map(Dimension.fixed) ?? .unknown }), [joined])
    }

    /// The tensors one after another along `axis`, as a step on the way.
    private mutating func joining(_ values: [Graph.ValueID], axis: Int) throws -> Graph.ValueID {
        try values.count == 1 ? values[0] : results(of: Concatenate(axis: axis), values)[0]
    }
}
