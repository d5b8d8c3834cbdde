import FerryEngine
package import FerryRuntime

/// A function of TensorFlow as Keras 2 calls it between layers, in a `TFOpLambda` or a `SlicingOpLambda`.
package struct TensorFlowFunction {
    /// Its name below `tf`.
    let name: String
    /// The names of the tensors after the first one; nil where the first argument is a list of all tensors.
    let operands: [String]?
    /// The other arguments.
    let arguments: KerasSettings

    init(_ name: String, operands: [String]? = [], _ arguments: KerasSettings = []) {
        self.name = name
        self.operands = operands
        self.arguments = arguments
    }

    /// A function of two tensors.
    static func binary(_ name: String) -> TensorFlowFunction { .init("math.\(name)", operands: ["y"]) }
    /// A function of one tensor.
    static func unary(_ name: String) -> TensorFlowFunction { .init("math.\(name)") }

    /// The class of layers that calls it.
    var className: String { name == "__operators__.getitem" ? "SlicingOpLambda" : "TFOpLambda" }

    /// One call: the place of the first tensor, or its numbers, and all else by name.
    func call(_ tensors: [JSONValue]) -> JSONValue {
        var keywords: JSONValue = [:]
        for (name, tensor) in zip(operands ?? [], tensors.dropFirst()) { keywords[name] = tensor }
        for (name, value) in arguments { keywords[name] = value }
        func place(_ tensor: JSONValue) -> JSONValue {
            let isPlace = tensor[0]?.stringValue != nil
            return .array((isPlace ? tensor.arrayValue ?? [] : ["_CONSTANT_VALUE", -1, tensor]) + [keywords])
        }
        return operands == nil ? .array(tensors.map(place)) : place(tensors[0])
    }
}

extension KerasOperation {
    package func tensorFlowFunction() throws -> TensorFlowFunction {
        throw FerryError(.unsupported, found: "has no layer in Keras 2", remedy: "write it for Keras 3, or as ONNX")
    }
}

extension Arithmetic {
    package func tensorFlowFunction() throws -> TensorFlowFunction {
        let names: [Function: String] = [
            .add: "add", .subtract: "subtract", .multiply: "multiply", .divide: "truediv", .power: "pow",
            .flooredRemainder: "floormod", .minimum: "minimum", .maximum: "maximum",
        ]
        guard let name = names[function] else { throw FerryError.noTensorFlowFunction(function.rawValue) }
        return .binary(name)
    }
}

extension Comparison {
    package func tensorFlowFunction() -> TensorFlowFunction {
        switch relation {
        case .equal: .binary("equal")
        case .notEqual: .binary("not_equal")
        case .greater: .binary("greater")
        case .greaterOrEqual: .binary("greater_equal")
        case .less: .binary("less")
        case .lessOrEqual: .binary("less_equal")
        }
    }
}

extension Logic {
    package func tensorFlowFunction() -> TensorFlowFunction {
        switch function {
        case .and: .binary("logical_and")
        case .or: .binary("logical_or")
        case .exclusiveOr: .binary("logical_xor")
        case .not: .unary("logical_not")
        }
    }
}

extension Choice {
    package func tensorFlowFunction() -> TensorFlowFunction { .init("where", operands: ["x", "y"]) }
}

extension Elementwise {
    package func tensorFlowFunction() throws -> TensorFlowFunction {
        let names: [Function: String] = [
            .negate: "negative", .absolute: "abs", .sign: "sign", .squareRoot: "sqrt", .exponential: "exp",
            .logarithm: "log", .reciprocal: "reciprocal", .floor: "floor", .ceiling: "ceil", .round: "round",
            .sine: "sin", .cosine: "cos", .tangent: "tan", .arcsine: "asin", .arccosine: "acos", .arctangent: "atan",
            .hyperbolicSine: "sinh", .hyperbolicCosine: "cosh", .areaSine: "asinh", .areaCosine: "acosh",
            .areaTangent: "atanh", .errorFunction: "erf",
        ]
        guard let name = names[function] else { throw FerryError.noTensorFlowFunction(function.rawValue) }
        return .unary(name)
    }
}

extension FillLike {
    package func tensorFlowFunction() throws -> TensorFlowFunction {
        let names: [Double: String] = [0: "zeros_like", 1: "ones_like"]
        guard let name = names[kerasNumber] else { throw FerryError.noTensorFlowFunction("a number in a shape") }
        return TensorFlowFunction(name, [("dtype", .string(value.dtype.rawValue))])
    }
}

extension Cast {
    package func tensorFlowFunction() throws -> TensorFlowFunction {
        guard let dtype else { throw FerryError.noTensorFlowFunction("a cast to the type of another tensor") }
        return TensorFlowFunction("cast", [("dtype", .string(dtype.rawValue))])
    }
}

extension Reduction {
    package func tensorFlowFunction() throws -> TensorFlowFunction {
        let names: [Function: String] = [
            .sum: "reduce_sum", .mean: "reduce_mean", .maximum: "reduce_max", .minimum: "reduce_min",
            .product: "reduce_prod", .logarithmOfExponentialSum: "reduce_logsumexp",
        ]
        let known = try axes.map { try $0.known("axes") }
        guard let name = names[function], known != [] else { throw FerryError.noTensorFlowFunction(function.rawValue) }
        return TensorFlowFunction(
            "math.\(name)", [("axis", known?.kerasList ?? .null), ("keepdims", .bool(keepsAxes))])
    }
}

extension ArgExtremum {
    package func tensorFlowFunction() throws -> TensorFlowFunction {
        guard !takesLast, !keepsAxis else { throw FerryError.noTensorFlowFunction("the place of an axis that is kept") }
        return TensorFlowFunction(
            largest ? "math.argmax" : "math.argmin", [("axis", .int(axis)), ("output_type", "int64")])
    }
}

extension Transpose {
    package func tensorFlowFunction() -> TensorFlowFunction {
        TensorFlowFunction("compat.v1.transpose", [("perm", permutation?.kerasList ?? .null)])
    }
}

extension Squeeze {
    package func tensorFlowFunction() throws -> TensorFlowFunction {
        TensorFlowFunction("compat.v1.squeeze", [("axis", try axes.map { try $0.known("axes").kerasList } ?? .null)])
    }
}

extension Unsqueeze {
    package func tensorFlowFunction() throws -> TensorFlowFunction {
        let known = try axes.known("axes")
        guard known.count == 1 else { throw FerryError.noTensorFlowFunction("several new axes at once") }
        return TensorFlowFunction("expand_dims", [("axis", .int(known[0]))])
    }
}

extension Reverse {
    package func tensorFlowFunction() -> TensorFlowFunction { .init("reverse", [("axis", [.int(axis)])]) }
}

extension TensorReshape {
    package func tensorFlowFunction() throws -> TensorFlowFunction {
        let known = try shape.known("shape")
        guard !known.contains(0) else { throw FerryError.noTensorFlowFunction("a shape that keeps lengths") }
        return TensorFlowFunction("reshape", [("shape", known.kerasList)])
    }
}

extension Tile {
    package func tensorFlowFunction() throws -> TensorFlowFunction {
        TensorFlowFunction("tile", [("multiples", try repeats.known("repeats").kerasList)])
    }
}

extension Slice {
    package func tensorFlowFunction() throws -> TensorFlowFunction {
        let key = try kerasKey().map { $0["config"] ?? .null }
        return TensorFlowFunction("__operators__.getitem", [("slice_spec", .array(key))])
    }
}

extension Split {
    package func tensorFlowFunction() throws -> TensorFlowFunction {
        let sizes = try lengths.map { try $0.known("lengths").kerasList } ?? .int(count)
        return TensorFlowFunction("split", [("num_or_size_splits", sizes), ("axis", .int(axis))])
    }
}

extension Pad {
    package func tensorFlowFunction() throws -> TensorFlowFunction {
        TensorFlowFunction("pad", [("paddings", try kerasPads()), ("mode", .string(mode.rawValue.uppercased()))])
    }
}

extension Gather {
    package func tensorFlowFunction() -> TensorFlowFunction {
        TensorFlowFunction("gather", operands: ["indices"], [("axis", .int(axis))])
    }
}

extension MatMul {
    package func tensorFlowFunction() -> TensorFlowFunction { .init("linalg.matmul", operands: ["b"]) }
}

extension FerryError {
    /// Something that TensorFlow has no single function for.
    fileprivate static func noTensorFlowFunction(_ what: String) -> FerryError {
        FerryError(
            .unsupported, found: "\(what), which no function of TensorFlow does alone", remedy: "write ONNX instead")
    }
}
