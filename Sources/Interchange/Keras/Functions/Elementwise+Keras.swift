import FerryEngine
import FerryRuntime

extension Elementwise {
    /// The functions of one number.
    static let kerasFunctions: [KerasFunction] = [
        number(.negate, "negative", "neg"), number(.absolute, "absolute", "abs"), number(.sign, "sign"),
        float(.squareRoot, "sqrt"), float(.exponential, "exp"), float(.logarithm, "log"), float(.errorFunction, "erf"),
        float(.reciprocal, "reciprocal"), float(.floor, "floor"), float(.ceiling, "ceil"),
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
        scaledLogarithm("log2", 1 / 0.693_147_180_559_945_3), scaledLogarithm("log10", 1 / 2.302_585_092_994_046),
        KerasFunction(["logaddexp"], parameters: ["x", "y"]) { call in
            let (x, y) = try call.pair()
            let distance = try call.helper(Elementwise(.absolute), call.helper(Arithmetic(.subtract), x, y))
            let power = try call.helper(Elementwise(.exponential), call.helper(Elementwise(.negate), distance))
            let sum = try call.helper(Arithmetic(.add), power, call.number(1, like: power))
            return try call.apply(
                Arithmetic(.add), call.helper(Arithmetic(.maximum), x, y), call.helper(Elementwise(.logarithm), sum))
        },
        KerasFunction(["trunc"]) { call in
            let x = try call.floats(call.tensor("x"))
            let isNegative = try call.helper(Comparison(.less), x, call.number(0, like: x))
            return try call.apply(
                Choice(), isNegative, call.helper(Elementwise(.ceiling), x), call.helper(Elementwise(.floor), x))
        },
        KerasFunction(["round"]) { call in
            let decimals = try call.int("decimals", default: 0)
            let x = try call.floats(call.tensor("x"))
            guard decimals != 0 else { return try call.apply(Elementwise(.round), x) }
            let factor = call.number((0..<abs(decimals)).reduce(1) { power, _ in power * 10 }, like: x)
            let (there, back) =
                decimals > 0 ? (Arithmetic(.multiply), Arithmetic(.divide)) : (.init(.divide), .init(.multiply))
            return try call.apply(back, call.helper(Elementwise(.round), call.helper(there, x, factor)), factor)
        },
        KerasFunction(["nan_to_num"]) { call in
            guard try call.double("nan", default: 0) == 0, call.take("posinf", "neginf") == nil else {
                throw FerryError(.unsupported, found: "numbers for NaN and infinity", expected: "the usual ones")
            }
            let x = try call.floats(call.tensor("x"))
            let isNaN = try call.helper(Classification(.isNotANumber), x)
            let number = try call.helper(Choice(), isNaN, call.number(0, like: x), x)
            let largest = Double(Float.greatestFiniteMagnitude)
            return try call.apply(Clip(), number, call.number(-largest, like: x), call.number(largest, like: x))
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
        filled("zeros_like") { _ in 0 }, filled("ones_like") { _ in 1 },
        filled("full_like", parameters: ["x", "fill_value"]) { try $0.double("fill_value") },
    ]

    private static func scaledLogarithm(_ name: String, _ factor: Double) -> KerasFunction {
        KerasFunction([name]) { call in
            let logarithm = try call.helper(Elementwise(.logarithm), call.floats(call.tensor("x")))
            return try call.apply(Arithmetic(.multiply), logarithm, call.number(factor, like: logarithm))
        }
    }

    private static func number(_ function: Function, _ names: String...) -> KerasFunction {
        KerasFunction(names) { call in try call.apply(Elementwise(function), call.tensor("x")) }
    }

    private static func float(_ function: Function, _ names: String...) -> KerasFunction {
        KerasFunction(names) { call in
            try call.apply(Elementwise(function), call.floats(call.tensor("x")))
        }
    }

    /// A function that gives its input's shape filled with one number.
    private static func filled(
        _ name: String, parameters: [String] = ["x"],
        _ read: @escaping @Sendable (inout KerasFunctionCall) throws -> Double
    ) -> KerasFunction {
        KerasFunction([name], parameters: parameters) { call in
            let value = try read(&call)
            let x = try call.tensor("x")
            let element = Tensor(scalar: value).cast(to: try call.dtype() ?? call.type(of: x).dtype)
            return try call.apply(FillLike(element), x)
        }
    }
}

extension KerasFunctionCall {
    /// A number as a constant of the type of `value`.
    mutating func number(_ number: Double, like value: Graph.ValueID) -> Graph.ValueID {
        constant(Tensor(scalar: number).cast(to: type(of: value).dtype))
    }
}
