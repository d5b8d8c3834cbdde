import FerryEngine
import FerryRuntime

extension Comparison {
    /// The functions that compare.
    static let kerasFunctions: [KerasFunction] = [
        relation(.equal, "equal"), relation(.notEqual, "not_equal"), relation(.greater, "greater"),
        relation(.greaterOrEqual, "greater_equal"), relation(.less, "less"), relation(.lessOrEqual, "less_equal"),
    ]

    private static func relation(_ relation: Relation, _ name: String) -> KerasFunction {
        KerasFunction([name], parameters: ["x", "y"]) { call in
            let (x, y) = try call.pair()
            return try call.apply(Comparison(relation), x, y)
        }
    }
}

extension Logic {
    /// The functions of booleans, and the choice between two inputs.
    static let kerasFunctions: [KerasFunction] = [
        binary(.and, "logical_and"), binary(.or, "logical_or"), binary(.exclusiveOr, "logical_xor"),
        KerasFunction(["logical_not"]) { call in try call.apply(Logic(.not), call.cast(call.tensor("x"), to: .bool)) },
        KerasFunction(["where"], parameters: ["condition", "x1", "x2"]) { call in
            let condition = try call.cast(call.tensor("condition"), to: .bool)
            let values = try call.alike(["x1", "x"], ["x2", "y"])
            return try call.apply(Choice(), condition, values[0], values[1])
        },
        KerasFunction(["isnan", "is_nan"]) { call in try call.apply(Classification(.isNotANumber), call.tensor("x")) },
        KerasFunction(["isinf", "is_inf"]) { call in
            try call.apply(Classification(.isInfinite(negative: true, positive: true)), call.tensor("x"))
        },
    ]

    private static func binary(_ function: Function, _ name: String) -> KerasFunction {
        KerasFunction([name], parameters: ["x", "y"]) { call in
            let (x, y) = try call.pair()
            return try call.apply(Logic(function), call.cast(x, to: .bool), call.cast(y, to: .bool))
        }
    }
}
