import FerryEngine
package import FerryRuntime

/// An operator that Keras 3 writes as a call of `keras.ops`, Keras 2 as one of TensorFlow, and neither as a layer.
package protocol KerasOperation: Operator {
    /// The class, where it is, and the settings and arguments of a call.
    ///
    /// - Throws: ``FerryError/Code/unsupported`` where Keras cannot express it.
    func kerasOperation() throws -> KerasOperationClass

    /// The function of TensorFlow that Keras 2 calls.
    ///
    /// - Throws: ``FerryError/Code/unsupported`` where there is none.
    func tensorFlowFunction() throws -> TensorFlowFunction
}

/// A class of `keras.ops` and how it is called.
package struct KerasOperationClass {
    /// Its name.
    var name: String
    /// The module below `keras.src.ops`.
    var module = "numpy"
    /// Its settings.
    var settings: KerasSettings = []
    /// What follows the tensors in a call.
    var arguments: [JSONValue] = []

    /// A class without settings.
    init(_ name: String, _ settings: KerasSettings = [], arguments: [JSONValue] = []) {
        self.name = name
        self.settings = settings
        self.arguments = arguments
    }
}

extension KerasVersion {
    /// An operation as an object with its class and settings.
    func operation(_ operation: any KerasOperation, name: String) throws -> JSONValue {
        guard isKeras3 else {
            let function = try operation.tensorFlowFunction()
            return object(
                function.className, module: "keras.layers",
                ["name": .string(name), "trainable": true, "dtype": "float32", "function": .string(function.name)])
        }
        let called = try operation.kerasOperation()
        var settings: JSONValue = ["name": .string(name)]
        for (key, value) in called.settings { settings[key] = value }
        return [
            "module": .string("keras.src.ops.\(called.module)"), "class_name": .string(called.name), "config": settings,
            "registered_name": .string(called.name),
        ]
    }
}

extension Arithmetic: KerasOperation {
    package func kerasOperation() throws -> KerasOperationClass {
        let names: [Function: String] = [
            .add: "Add", .subtract: "Subtract", .multiply: "Multiply", .divide: "Divide", .power: "Power",
            .flooredRemainder: "Mod", .minimum: "Minimum", .maximum: "Maximum",
        ]
        guard let name = names[function] else { throw FerryError.noKerasOperation(function.rawValue) }
        return KerasOperationClass(name)
    }
}

extension Comparison: KerasOperation {
    package func kerasOperation() -> KerasOperationClass {
        switch relation {
        case .equal: KerasOperationClass("Equal")
        case .notEqual: KerasOperationClass("NotEqual")
        case .greater: KerasOperationClass("Greater")
        case .greaterOrEqual: KerasOperationClass("GreaterEqual")
        case .less: KerasOperationClass("Less")
        case .lessOrEqual: KerasOperationClass("LessEqual")
        }
    }
}

extension Logic: KerasOperation {
    package func kerasOperation() -> KerasOperationClass {
        switch function {
        case .and: KerasOperationClass("LogicalAnd")
        case .or: KerasOperationClass("LogicalOr")
        case .exclusiveOr: KerasOperationClass("LogicalXor")
        case .not: KerasOperationClass("LogicalNot")
        }
    }
}

extension Choice: KerasOperation {
    package func kerasOperation() -> KerasOperationClass { KerasOperationClass("Where") }
}

extension Elementwise: KerasOperation {
    package func kerasOperation() throws -> KerasOperationClass {
        let names: [Function: String] = [
            .negate: "Negative", .absolute: "Absolute", .sign: "Sign", .squareRoot: "Sqrt", .exponential: "Exp",
            .logarithm: "Log", .reciprocal: "Reciprocal", .floor: "Floor", .ceiling: "Ceil", .round: "Round",
            .sine: "Sin",
            .cosine: "Cos", .tangent: "Tan", .arcsine: "Arcsin", .arccosine: "Arccos", .arctangent: "Arctan",
            .hyperbolicSine: "Sinh", .hyperbolicCosine: "Cosh", .areaSine: "Arcsinh", .areaCosine: "Arccosh",
            .areaTangent: "Arctanh",
        ]
        guard let name = names[function] else { throw FerryError.noKerasOperation(function.rawValue) }
        return KerasOperationClass(name)
    }
}

extension FillLike: KerasOperation {
    package func kerasOperation() -> KerasOperationClass {
        let number = kerasNumber
        let dtype: KerasSettings = [("dtype", .string(value.dtype.rawValue))]
        switch number {
        case 0: return KerasOperationClass("ZerosLike", dtype)
        case 1: return KerasOperationClass("OnesLike", dtype)
        default: return KerasOperationClass("FullLike", dtype, arguments: [.double(number)])
        }
    }

    /// The element as Keras writes it.
    var kerasNumber: Double { value.cast(to: .float64).elements(Double.self).first ?? 0 }
}

extension Cast: KerasOperation {
    package func kerasOperation() throws -> KerasOperationClass {
        guard let dtype else { throw FerryError.noKerasOperation("a cast to the type of another tensor") }
        var called = KerasOperationClass("Cast", [("dtype", .string(dtype.rawValue))])
        called.module = "core"
        return called
    }
}

extension Reduction: KerasOperation {
    package func kerasOperation() throws -> KerasOperationClass {
        let names: [Function: String] = [
            .sum: "Sum", .mean: "Mean", .maximum: "Max", .minimum: "Min", .product: "Prod",
            .logarithmOfExponentialSum: "Logsumexp",
        ]
        let known = try axes.map { try $0.known("axes") }
        guard let name = names[function], known != [] else { throw FerryError.noKerasOperation(function.rawValue) }
        var called = KerasOperationClass(name, [("axis", known?.kerasList ?? .null), ("keepdims", .bool(keepsAxes))])
        if function == .logarithmOfExponentialSum { called.module = "math" }
        return called
    }
}

extension ArgExtremum: KerasOperation {
    package func kerasOperation() throws -> KerasOperationClass {
        guard !takesLast else { throw FerryError.noKerasOperation("the last of equal places") }
        return KerasOperationClass(
            largest ? "Argmax" : "Argmin", [("axis", .int(axis)), ("keepdims", .bool(keepsAxis))])
    }
}

extension Transpose: KerasOperation {
    package func kerasOperation() -> KerasOperationClass {
        KerasOperationClass("Transpose", [("axes", permutation?.kerasList ?? .null)])
    }
}

extension Squeeze: KerasOperation {
    package func kerasOperation() throws -> KerasOperationClass {
        KerasOperationClass("Squeeze", [("axis", try axes.map { try $0.known("axes").kerasList } ?? .null)])
    }
}

extension Unsqueeze: KerasOperation {
    package func kerasOperation() throws -> KerasOperationClass {
        let known = try axes.known("axes")
        return KerasOperationClass("ExpandDims", [("axis", known.count == 1 ? .int(known[0]) : known.kerasList)])
    }
}

extension Reverse: KerasOperation {
    package func kerasOperation() -> KerasOperationClass { KerasOperationClass("Flip", [("axis", .int(axis))]) }
}

extension TensorReshape: KerasOperation {
    package func kerasOperation() throws -> KerasOperationClass {
        let known = try shape.known("shape")
        guard zeroIsLength || !known.contains(0) else {
            throw FerryError.noKerasOperation("a shape that keeps lengths")
        }
        return KerasOperationClass("Reshape", [("newshape", known.kerasList)])
    }
}

extension Tile: KerasOperation {
    package func kerasOperation() throws -> KerasOperationClass {
        KerasOperationClass("Tile", [("repeats", try repeats.known("repeats").kerasList)])
    }
}

extension Slice: KerasOperation {
    package func kerasOperation() throws -> KerasOperationClass {
        KerasOperationClass("GetItem", arguments: [.array(try kerasKey())])
    }

    /// What stands between the brackets, slice by slice.
    func kerasKey() throws -> [JSONValue] {
        let (starts, ends) = (try starts.known("starts"), try ends.known("ends"))
        let axes = try axes.map { try $0.known("axes") } ?? Array(starts.indices)
        let steps = try steps.map { try $0.known("steps") } ?? starts.map { _ in 1 }
        guard let last = axes.max(), axes.allSatisfy({ $0 >= 0 }) else {
            throw FerryError.noKerasOperation("axes counted from the last")
        }
        func bound(_ value: Int) -> JSONValue { abs(value >> 1) >= Int(Int32.max) ? .null : .int(value) }
        return (0...last).map { axis -> JSONValue in
            let i = axes.firstIndex(of: axis)
            return [
                "class_name": "__slice__",
                "config": [
                    "start": i.map { bound(starts[$0]) } ?? .null, "stop": i.map { bound(ends[$0]) } ?? .null,
                    "step": i.map { .int(steps[$0]) } ?? .null,
                ],
            ]
        }
    }
}

extension Split: KerasOperation {
    package func kerasOperation() throws -> KerasOperationClass {
        guard let lengths = try lengths.map({ try $0.known("lengths") }) else {
            return KerasOperationClass("Split", [("indices_or_sections", .int(count)), ("axis", .int(axis))])
        }
        var sum = 0
        let cuts = lengths.dropLast().map { length -> Int in
            sum += length
            return sum
        }
        return KerasOperationClass("Split", [("indices_or_sections", cuts.kerasList), ("axis", .int(axis))])
    }
}

extension Pad: KerasOperation {
    package func kerasOperation() throws -> KerasOperationClass {
        KerasOperationClass("Pad", [("pad_width", try kerasPads()), ("mode", .string(mode.rawValue))])
    }

    /// The places before and after each axis.
    func kerasPads() throws -> JSONValue {
        let pads = try pads.known("pads")
        guard axes == nil, valueSlot == nil, mode == .constant || mode == .reflect, pads.allSatisfy({ $0 >= 0 }) else {
            throw FerryError.noKerasOperation("padding of some axes, with a value, or by '\(mode.rawValue)'")
        }
        return .array((0..<(pads.count / 2)).map { [pads[$0], pads[$0 + pads.count / 2]].kerasList })
    }
}

extension Gather: KerasOperation {
    package func kerasOperation() -> KerasOperationClass { KerasOperationClass("Take", [("axis", .int(axis))]) }
}

extension MatMul: KerasOperation {
    package func kerasOperation() -> KerasOperationClass { KerasOperationClass("Matmul") }
}

extension Einsum: KerasOperation {
    package func kerasOperation() -> KerasOperationClass {
        KerasOperationClass("Einsum", [("subscripts", .string(equation))])
    }
}

extension Integers {
    /// The integers, which an operation of Keras must know.
    func known(_ what: String) throws -> [Int] {
        guard let values, slot == nil else { throw FerryError.noKerasOperation("\(what) that are computed") }
        return values
    }
}

extension FerryError {
    /// Something that `keras.ops` lacks.
    fileprivate static func noKerasOperation(_ what: String) -> FerryError {
        FerryError(.unsupported, found: "\(what), which keras.ops lacks", remedy: "write ONNX instead")
    }
}
