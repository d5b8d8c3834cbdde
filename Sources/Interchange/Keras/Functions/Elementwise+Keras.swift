import FerryEngine
import FerryRuntime

extension Elementwise {
    /// The functions of one number.
    static let kerasFunctions: [KerasFunction] = [
        number(.negate, "negative", "neg"), number(.absolute, "absolute", "abs"), number(.sign, "sign"),
        float(.squareRoot, "sqrt"), float(.exponential, "exp"), float(.logarithm, "log"), float(.errorFunction, "erf"),
        float(.reciprocal, "reciprocal"), float(.floor, "floor"), float(.ceiling, "ceil"), float(.round, "round"),
        float(.sine, "sin"), float(.cosine, "cos"), float(.tangent, "tan"), float(.arcsine, "arcsin", "asin"),
        float(.arccosine, "arccos", "acos"), float(.arctangent, "arctan", "atan"), float(.hyperbolicSine, "sinh"),
        float(.hyperbolicCosine, "cosh"), float(.areaSine, "arcsinh", "asinh"), float(.areaCosine, "arccosh", "acosh"),
        float(.areaTangent, "arctanh", "atanh"),
        KerasFunction(["rsqrt"]) { call in
            try call.apply(
                Elementwise(.reciprocal), call.helper(Elementwise(.squareRoot), call.floats(call.tensor("x"))))
        },
        KerasFunction(["log1p"]) { call in
            let x = try call.floats(call.tensor("x"))
            return try call.apply(Elementwise(.logarithm), call.helper(Arithmetic(.add), x, call.number(1, like: x)))
        },
        KerasFunction(["expm1"]) { call in
            let power = try call.helper(Elementwise(.exponential), call.floats(call.tensor("x")))
            return try call.apply(Arithmetic(.subtract), power, call.number(1, like: power))
        },
        KerasFunction(["cast", "saturate_cast"]) { call in
            let x = try call.tensor("x")
            guard let dtype = try call.dtype() else { throw FerryError(.missingKey, found: "no argument 'dtype'") }
            return try call.apply(Cast(to: dtype), x)
        },
        KerasFunction(["identity", "stop_gradient", "copy", "convert_to_tensor"], parameters: ["variable"]) { call in
            let x = try call.tensor("variable")
            return try call.dtype().map { try call.cast(x, to: $0) } ?? x
        },
        filled("zeros_like", 0), filled("ones_like", 1),
    ]

    private static func number(_ function: Function, _ names: String...) -> KerasFunction {
        KerasFunction(names) { call in try call.apply(Elementwise(function), call.tensor("x")) }
    }

    private static func float(_ function: Function, _ names: String...) -> KerasFunction {
        KerasFunction(names) { call in
            if function == .round, try call.int("decimals", default: 0) != 0 {
                throw FerryError(.unsupported, found: "rounding to decimals", expected: "rounding to integers")
            }
            return try call.apply(Elementwise(function), call.floats(call.tensor("x")))
        }
    }

    /// A function that gives its input's shape filled with one number.
    private static func filled(_ name: String, _ value: Float) -> KerasFunction {
        KerasFunction([name]) { call in
            let x = try call.tensor("x")
            let type = call.type(of: x)
            let element = Tensor(scalar: value).cast(to: try call.dtype() ?? type.dtype)
            return try call.apply(Fill(element, shape: .input(0, expected: type.shape)), call.helper(ShapeOf(), x))
        }
    }
}

extension KerasFunctionCall {
    /// A number as a constant of the type of `value`.
    mutating func number(_ number: Double, like value: Graph.ValueID) -> Graph.ValueID {
        constant(Tensor(scalar: number).cast(to: type(of: value).dtype))
    }
}
