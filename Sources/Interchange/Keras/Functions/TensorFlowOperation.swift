import FerryEngine
import FerryRuntime
import OrderedCollections

/// An operation of a TensorFlow graph that Keras 2.2.4-tf to 2.4 keeps in a `TensorFlowOpLayer`, as one of the functions
/// in ``KerasCatalogue``.
struct TensorFlowOperation {
    /// The name of the function.
    let function: String
    /// The names of its arguments in the order of the operands; the first takes all that are too many, as a list.
    private let operands: [String]
    /// The names of arguments that are attributes of the operation.
    private let attributes: [String: String]

    private init(_ function: String, _ operands: [String] = ["x"], _ attributes: [String: String] = [:]) {
        self.function = function
        self.operands = operands
        self.attributes = attributes
    }

    /// The operations, by their names in TensorFlow.
    static let all: [String: TensorFlowOperation] = plain.merging(others) { first, _ in first }

    /// Operations that Keras's functions are named after.
    private static let plain = Dictionary(
        uniqueKeysWithValues: [
            "Tanh", "Sigmoid", "Relu", "Relu6", "Elu", "Selu", "Softplus", "Softsign", "Softmax", "LogSoftmax", "Exp",
            "Log",
            "Log1p", "Expm1", "Sqrt", "Rsqrt", "Square", "Abs", "Neg", "Sign", "Floor", "Ceil", "Round", "Reciprocal",
            "Sin", "Cos", "Tan", "Erf", "LogicalNot", "IsNan", "Identity", "StopGradient", "ZerosLike", "OnesLike",
            "Shape",
        ].map { name in
            (name, TensorFlowOperation(name == "Identity" || name == "StopGradient" ? "identity" : name.snakeCased))
        })

    private static let others: [String: TensorFlowOperation] = [
        "Add": pair("add"), "AddV2": pair("add"), "BiasAdd": pair("add"), "Sub": pair("subtract"),
        "Mul": pair("multiply"), "RealDiv": pair("divide"), "Div": pair("divide"), "Pow": pair("power"),
        "FloorDiv": pair("floor_divide"), "FloorMod": pair("mod"), "Maximum": pair("maximum"),
        "Minimum": pair("minimum"), "SquaredDifference": pair("squared_difference"), "Equal": pair("equal"),
        "NotEqual": pair("not_equal"), "Greater": pair("greater"), "GreaterEqual": pair("greater_equal"),
        "Less": pair("less"), "LessEqual": pair("less_equal"), "LogicalAnd": pair("logical_and"),
        "LogicalOr": pair("logical_or"), "AddN": .init("add_n", ["inputs"]),
        "Sum": reduction("sum"), "Mean": reduction("mean"), "Max": reduction("max"), "Min": reduction("min"),
        "Prod": reduction("prod"), "Any": reduction("any"), "All": reduction("all"),
        "LeakyRelu": .init("leaky_relu", ["x"], ["alpha": "alpha"]),
        "MatMul": .init("matmul", ["x", "y"], ["transpose_a": "transpose_a", "transpose_b": "transpose_b"]),
        "BatchMatMul": .init("matmul", ["x", "y"], ["adj_x": "transpose_a", "adj_y": "transpose_b"]),
        "BatchMatMulV2": .init("matmul", ["x", "y"], ["adj_x": "transpose_a", "adj_y": "transpose_b"]),
        "ConcatV2": .init("concat", ["values", "axis"]), "Pack": .init("stack", ["values"], ["axis": "axis"]),
        "Unpack": .init("unstack", ["value"], ["axis": "axis", "num": "num"]),
        "SplitV": .init("split", ["value", "num_or_size_splits", "axis"]),
        "Split": .init("split", ["axis", "value"], ["num_split": "num_or_size_splits"]),
        "ExpandDims": .init("expand_dims", ["x", "axis"]),
        "Squeeze": .init("squeeze", ["x"], ["squeeze_dims": "axis"]),
        "Transpose": .init("transpose", ["x", "perm"]), "Reshape": .init("reshape", ["x", "shape"]),
        "Tile": .init("tile", ["x", "multiples"]), "ReverseV2": .init("reverse", ["x", "axis"]),
        "BroadcastTo": .init("broadcast_to", ["input", "shape"]), "Pad": .init("pad", ["x", "paddings"]),
        "GatherV2": .init("gather", ["params", "indices", "axis"], ["batch_dims": "batch_dims"]),
        "SelectV2": .init("where", ["condition", "x", "y"]),
        "ClipByValue": .init("clip", ["x", "x_min", "x_max"]), "Cast": .init("cast", ["x"], ["DstT": "dtype"]),
        "ArgMax": .init("argmax", ["x", "axis"], ["output_type": "output_type"]),
        "ArgMin": .init("argmin", ["x", "axis"], ["output_type": "output_type"]),
        "Cumsum": .init("cumsum", ["x", "axis"], ["exclusive": "exclusive", "reverse": "reverse"]),
        "StridedSlice": .init("getitem", ["x", "begin", "end", "strides"]),
    ]

    private static func pair(_ function: String) -> TensorFlowOperation { .init(function, ["x", "y"]) }
    private static func reduction(_ function: String) -> TensorFlowOperation {
        .init(function, ["x", "axis"], ["keep_dims": "keepdims"])
    }
}

extension TensorFlowOperation {
    /// The arguments of a call of the function.
    ///
    /// - Parameters:
    ///   - settings: of the layer: the operation with its attributes, and the operands that are known.
    ///   - references: the other operands.
    func arguments(_ settings: JSONValue, _ references: [JSONValue]) -> OrderedDictionary<String, JSONValue> {
        let definition = settings["node_def"] ?? [:]
        var tensors = references[...]
        let values = (0..<(definition["input"]?.arrayValue?.count ?? 0)).map { position in
            settings["constants"]?["\(position)"] ?? tensors.popFirst() ?? .null
        }
        var arguments: OrderedDictionary<String, JSONValue> = [:]
        let surplus = max(0, values.count - operands.count)
        let isList = ["values", "inputs"].contains(operands[0])
        for (position, name) in operands.enumerated() where position + surplus < values.count {
            let isFirst = position == 0 && isList
            arguments[name] = isFirst ? .array(Array(values[0...surplus])) : values[position + surplus]
        }
        for (attribute, name) in attributes {
            arguments[name] = definition["attr"]?[attribute].flatMap(Self.value)
        }
        guard function == "getitem" else { return arguments }
        return ["x": arguments["x"] ?? .null, "key": Self.key(arguments, definition["attr"] ?? [:])]
    }

    /// The value of an attribute as the JSON of protocol buffers has it: 64-bit integers are texts.
    private static func value(_ json: JSONValue) -> JSONValue? {
        func integer(_ json: JSONValue) -> JSONValue? {
            (json.intValue ?? json.stringValue.flatMap { Int($0) }).map(JSONValue.int)
        }
        if let integers = json["list"]?["i"]?.arrayValue { return .array(integers.compactMap(integer)) }
        if let type = json["type"]?.stringValue { return types[type].map(JSONValue.string) }
        return json["i"].flatMap(integer) ?? json["b"] ?? json["f"]
    }

    private static let types = [
        "DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_HALF": "float16", "DT_BFLOAT16": "bfloat16",
        "DT_INT32": "int32", "DT_INT64": "int64", "DT_BOOL": "bool", "DT_UINT8": "uint8", "DT_INT8": "int8",
    ]

    /// What stands between the brackets of `x[…]`: bits of masks say which bounds do not count, which axes are new, and
    /// which are picked from.
    private static func key(_ arguments: OrderedDictionary<String, JSONValue>, _ attributes: JSONValue) -> JSONValue {
        func mask(_ name: String) -> Int { attributes["\(name)_mask"].flatMap(value)?.intValue ?? 0 }
        let (starts, ends) = (arguments["begin"]?.intList ?? [], arguments["end"]?.intList ?? [])
        let steps = arguments["strides"]?.intList ?? []
        // Bounds that are computed leave nothing to read; the function refuses the empty key then.
        guard starts.count == ends.count, starts.count == steps.count else { return .string("computed bounds") }
        let parts = starts.indices.map { axis -> JSONValue in
            func has(_ name: String) -> Bool { mask(name) >> axis & 1 == 1 }
            if has("ellipsis") { return ["class_name": "__ellipsis__"] }
            if has("new_axis") { return .null }
            if has("shrink_axis") { return .int(starts[axis]) }
            return [
                "start": has("begin") ? .null : .int(starts[axis]), "stop": has("end") ? .null : .int(ends[axis]),
                "step": .int(steps[axis]),
            ]
        }
        return .array(parts)
    }
}
