import FerryEngine
import FerryRuntime

extension Arithmetic {
    /// The functions of two inputs, and their kin.
    static let kerasFunctions: [KerasFunction] = [
        binary(.add, "add", "bias_add"), binary(.subtract, "subtract", "sub"), binary(.multiply, "multiply", "mul"),
        binary(.power, "power", "pow"), binary(.maximum, "maximum"), binary(.minimum, "minimum"),
        binary(.flooredRemainder, "mod", "floormod"),
        KerasFunction(["divide", "true_divide", "truediv", "realdiv"], parameters: ["x", "y"]) { call in
            let (x, y) = try call.pair()
            return try call.apply(Arithmetic(.divide), call.floats(x), call.floats(y))
        },
        KerasFunction(["floor_divide", "floordiv", "floor_div"], parameters: ["x", "y"]) { call in
            let (x, y) = try call.pair()
            return try call.apply(Elementwise(.floor), call.helper(Arithmetic(.divide), call.floats(x), call.floats(y)))
        },
        KerasFunction(["squared_difference"], parameters: ["x", "y"]) { call in
            let (x, y) = try call.pair()
            let difference = try call.helper(Arithmetic(.subtract), x, y)
            return try call.apply(Arithmetic(.multiply), difference, difference)
        },
        KerasFunction(["square"]) { call in
            let x = try call.tensor("x")
            return try call.apply(Arithmetic(.multiply), x, x)
        },
        KerasFunction("add_n", parameters: ["inputs"]) { call in
            let inputs = try call.tensors("inputs")
            return try call.results(of: Arithmetic(.sum), inputs)
        },
        KerasFunction(["clip", "clip_by_value"]) { call in
            let low = call.take("x_min", "clip_value_min") ?? .null
            let high = call.take("x_max", "clip_value_max") ?? .null
            let x = try call.tensor("x", "t")
            let dtype = call.type(of: x).dtype
            let bounds = try [low, high].map { bound -> Graph.ValueID? in
                guard !bound.isNull else { return nil }
                guard let number = Tensor(kerasConstant: bound) else {
                    throw call.unexpected(bound, "x_min", "a number")
                }
                return call.constant(number.cast(to: dtype))
            }
            return try call.results(of: Clip(), [x] + bounds)[0]
        },
    ]

    private static func binary(_ function: Function, _ names: String...) -> KerasFunction {
        KerasFunction(names, parameters: ["x", "y"]) { call in
            let (x, y) = try call.pair()
            return try call.apply(Arithmetic(function), x, y)
        }
    }
}

extension KerasFunctionCall {
    /// The two operands of a function, in one type.
    mutating func pair() throws -> (Graph.ValueID, Graph.ValueID) {
        let values = try alike(["x", "x1", "a"], ["y", "x2", "b", "bias"])
        return (values[0], values[1])
    }
}
