import FerryEngine
import FerryRuntime

extension Activation {
    /// The activations that are called as functions.
    static let kerasFunctions: [KerasFunction] = [
        plain(.tanh, "tanh"), plain(.sigmoid, "sigmoid"), plain(.relu, "relu"), plain(.relu6, "relu6"),
        plain(.softplus, "softplus"), plain(.softsign, "softsign"), plain(.silu, "silu", "swish"), plain(.selu, "selu"),
        plain(.logSigmoid, "log_sigmoid"), plain(.hardSigmoidKeras3, "hard_sigmoid"), plain(.hardSilu, "hard_silu"),
        plain(.hardTanh, "hard_tanh"), plain(.tanhShrink, "tanh_shrink"), plain(.sparsePlus, "sparse_plus"),
        plain(.sparseSigmoid, "sparse_sigmoid"), plain(.mish, "mish"),
        function("softmax") { .softmax(axis: try $0.int("axis", "dim", default: -1)) },
        function("log_softmax") { .logSoftmax(axis: try $0.int("axis", default: -1)) },
        function("sparsemax") { .sparsemax(axis: try $0.int("axis", default: -1)) },
        function("gelu") { .gelu(approximate: try $0.bool("approximate")) },
        function("leaky_relu") { .relu(slope: Float(try $0.double("negative_slope", "alpha", default: 0.2))) },
        function("elu") { .elu(alpha: Float(try $0.double("alpha", default: 1))) },
        function("celu") { .celu(alpha: Float(try $0.double("alpha", default: 1))) },
        function("soft_shrink") { .softShrink(lambda: Float(try $0.double("threshold", default: 0.5))) },
        function("hard_shrink") { .hardShrink(lambda: Float(try $0.double("threshold", default: 0.5))) },
        function("squareplus") { .squareplus(b: Float(try $0.double("b", default: 4))) },
        KerasFunction(["glu"]) { call in
            let axis = try call.int("axis", default: -1)
            let x = try call.floats(call.tensor("x"))
            let halves = try call.results(of: Split(axis: axis, lengths: nil, count: 2), [x])
            return try call.apply(Arithmetic(.multiply), halves[0], call.helper(Activation(.sigmoid), halves[1]))
        },
        function("threshold") {
            .threshold(Float(try $0.double("threshold")), value: Float(try $0.double("default_value")))
        },
    ]

    private static func plain(_ function: ActivationFunction, _ names: String...) -> KerasFunction {
        KerasFunction(names) { call in try call.apply(Activation(function), call.tensor("x", "features")) }
    }

    private static func function(
        _ name: String, _ read: @escaping @Sendable (inout KerasFunctionCall) throws -> ActivationFunction
    ) -> KerasFunction {
        KerasFunction([name]) { call in
            let function = try read(&call)
            return try call.apply(Activation(function), call.tensor("x"))
        }
    }
}
