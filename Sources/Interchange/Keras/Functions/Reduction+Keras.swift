import FerryEngine
import FerryRuntime

extension Reduction {
    /// The functions that make one number of many.
    static let kerasFunctions: [KerasFunction] = [
        reduction(.sum, "sum", "reduce_sum"), reduction(.mean, "mean", "reduce_mean"),
        reduction(.maximum, "max", "amax", "reduce_max"), reduction(.minimum, "min", "amin", "reduce_min"),
        reduction(.product, "prod", "reduce_prod"),
        reduction(.logarithmOfExponentialSum, "logsumexp", "reduce_logsumexp"),
        boolean(.maximum, "any", "reduce_any"), boolean(.minimum, "all", "reduce_all"),
        KerasFunction(["var", "reduce_variance"]) { call in
            let square = try call.squareAroundMean()
            return try call.apply(square.mean, square.value)
        },
        KerasFunction(["std", "reduce_std"]) { call in
            let square = try call.squareAroundMean()
            return try call.apply(Elementwise(.squareRoot), call.helper(square.mean, square.value))
        },
        extremum("argmax", largest: true), extremum("argmin", largest: false),
        KerasFunction(["normalize", "l2_normalize"]) { call in
            let axes = try call.ints("axis") ?? [-1]
            let epsilon = try call.double("epsilon", default: 1e-12)
            let order = try call.int("order", default: 2)
            guard order == 2 else { throw FerryError(.unsupported, found: "order \(order)", expected: "order 2") }
            let x = try call.floats(call.tensor("x"))
            let square = try call.helper(Arithmetic(.multiply), x, x)
            let sum = try call.helper(Reduction(.sum, axes: .known(axes)), square)
            let bounded = try call.helper(Arithmetic(.maximum), sum, call.number(epsilon, like: x))
            return try call.apply(Arithmetic(.divide), x, call.helper(Elementwise(.squareRoot), bounded))
        },
        KerasFunction(["average"]) { call in
            guard call.take("weights") == nil else {
                throw FerryError(.unsupported, found: "an average with weights", expected: "one without")
            }
            let (axes, keepsAxes) = try call.reducedAxes()
            let x = try call.floats(call.tensor("x"))
            return try call.apply(Reduction(.mean, axes: axes.map(Integers.known), keepsAxes: keepsAxes), x)
        },
        KerasFunction(["count_nonzero"]) { call in
            let (axes, keepsAxes) = try call.reducedAxes()
            let x = try call.tensor("x", "input")
            let flags =
                call.type(of: x).dtype == .bool
                ? x : try call.helper(Comparison(.notEqual), x, call.number(0, like: x))
            let ones = try call.helper(Cast(to: .int32), flags)
            return try call.apply(Reduction(.sum, axes: axes.map(Integers.known), keepsAxes: keepsAxes), ones)
        },
        KerasFunction(["norm"]) { call in
            let order = call.take("ord") ?? 2
            let (axes, keepsAxes) = try call.reducedAxes()
            let x = try call.floats(call.tensor("x", "tensor"))
            func reduced(_ function: Function) -> Reduction {
                Reduction(function, axes: axes.map(Integers.known), keepsAxes: keepsAxes)
            }
            if order == 1 { return try call.apply(reduced(.sum), call.helper(Elementwise(.absolute), x)) }
            guard order == 2 && (axes?.count ?? 1) == 1 || order == "euclidean" || order == "fro" else {
                throw call.unexpected(order, "ord", "1, 2 along one axis, 'euclidean' or 'fro'")
            }
            let square = try call.helper(Arithmetic(.multiply), x, x)
            return try call.apply(Elementwise(.squareRoot), call.helper(reduced(.sum), square))
        },
        KerasFunction(["cumsum"]) { call in
            let (isExclusive, isReversed) = (try call.bool("exclusive"), try call.bool("reverse"))
            let axis = call.constant(Tensor(scalar: Int64(try call.int("axis", default: 0))))
            let sums = CumulativeSum(isExclusive: isExclusive, isReversed: isReversed)
            return try call.apply(sums, call.tensor("x"), axis)
        },
    ]

    private static func reduction(_ function: Function, _ names: String...) -> KerasFunction {
        KerasFunction(names, parameters: ["x", "axis"]) { call in
            let (axes, keepsAxes) = try call.reducedAxes()
            var x = try call.tensor("x")
            if let dtype = try call.dtype() { x = try call.cast(x, to: dtype) }
            if function == .mean || function == .logarithmOfExponentialSum { x = try call.floats(x) }
            if call.type(of: x).dtype == .bool { x = try call.cast(x, to: .int32) }
            return try call.apply(Reduction(function, axes: axes.map(Integers.known), keepsAxes: keepsAxes), x)
        }
    }

    private static func boolean(_ function: Function, _ names: String...) -> KerasFunction {
        KerasFunction(names, parameters: ["x", "axis"]) { call in
            let (axes, keepsAxes) = try call.reducedAxes()
            let x = try call.helper(Cast(to: .int32), call.cast(call.tensor("x"), to: .bool))
            let reduced = try call.helper(Reduction(function, axes: axes.map(Integers.known), keepsAxes: keepsAxes), x)
            return try call.apply(Cast(to: .bool), reduced)
        }
    }

    private static func extremum(_ name: String, largest: Bool) -> KerasFunction {
        KerasFunction([name]) { call in
            let keepsAxis = try call.bool("keepdims")
            let isTensorFlow = try call.string("output_type", default: "") == "int64"
            guard let axis = try call.ints("axis")?.first else {
                throw FerryError(.unsupported, found: "no axis", expected: "one axis")
            }
            let x = try call.tensor("x")
            let place = try call.apply(ArgExtremum(largest: largest, axis: axis, keepsAxis: keepsAxis), x)
            return isTensorFlow ? place : try call.apply(Cast(to: .int32), place)
        }
    }
}

extension KerasFunctionCall {
    /// The axes of a reduction, nil for all, and whether they stay.
    fileprivate mutating func reducedAxes() throws -> (axes: [Int]?, keepsAxes: Bool) {
        (try ints("axis", "reduction_indices"), try bool("keepdims", "keep_dims"))
    }

    /// The squared distances from the mean along the axes of the call, and the mean to be taken of them.
    fileprivate mutating func squareAroundMean() throws -> (value: Graph.ValueID, mean: Reduction) {
        let (axes, keepsAxes) = try reducedAxes()
        let x = try floats(tensor("x"))
        let mean = try helper(Reduction(.mean, axes: axes.map(Integers.known)), x)
        let distance = try helper(Arithmetic(.subtract), x, mean)
        return (
            try helper(Arithmetic(.multiply), distance, distance),
            Reduction(.mean, axes: axes.map(Integers.known), keepsAxes: keepsAxes)
        )
    }
}
